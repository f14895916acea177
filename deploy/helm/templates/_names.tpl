{{- define "data-storage.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The name changes with the settings, so that the replicas are replaced when they change. */}}
{{- define "data-storage.settings" -}}
data-storage-settings-{{ .Values.settings | toYaml | sha256sum | trunc 10 }}
{{- end }}
