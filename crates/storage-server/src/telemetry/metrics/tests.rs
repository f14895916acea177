//! The table of metrics against the contract and against what the crates record.

use metrics_exporter_prometheus::PrometheusBuilder;

use super::{Kind, METRICS, builder, reference};

/// BR-STORAGE-019: the names that dashboards and alerts rely on, those that exist so far.
#[test]
fn the_names_of_the_contract_are_here() {
    for (name, labels) in [
        ("datastorage_write_total", "table,status"),
        ("datastorage_write_duration_seconds", "table"),
        ("datastorage_cache_hits_total", ""),
        ("datastorage_cache_misses_total", ""),
        ("datastorage_breaker_state", "dependency"),
        ("datastorage_validation_failures_total", "field,reason"),
        ("datastorage_query_duration_seconds", "operation"),
        ("datastorage_embedding_generation_duration_seconds", ""),
        ("datastorage_http_requests_total", "method,path,status"),
        ("datastorage_http_request_duration_seconds", "method,path"),
        ("datastorage_db_connections", "pool,state"),
        ("datastorage_fallback_mode", ""),
        ("datastorage_write_batch_size", ""),
        ("datastorage_write_queue_depth", ""),
        ("datastorage_projection_lag_seconds", ""),
        ("datastorage_dualwrite_success_total", ""),
        ("datastorage_dualwrite_failure_total", "reason"),
        ("datastorage_outbox_depth", "state"),
        ("datastorage_sanitized_fields_total", "field"),
        ("datastorage_adjusted_fields_total", "field"),
        ("datastorage_auth_total", "result"),
        ("datastorage_build_info", "version"),
    ] {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        assert_eq!(metric.map(|it| it.labels.join(",")).as_deref(), Some(labels), "{name}");
    }
}

#[test]
fn counters_are_totals_and_histograms_are_in_base_units_with_rising_buckets() {
    for metric in METRICS {
        assert!(metric.name.starts_with("datastorage_"), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        if let Kind::Histogram(buckets) = metric.kind {
            assert!(buckets.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
        }
    }
    assert!(METRICS.iter().all(|it| METRICS.iter().filter(|other| other.name == it.name).count() == 1));
}

#[test]
fn what_the_embedding_crate_records_is_in_the_table() {
    for name in [
        storage_embedding::BREAKER_STATE,
        storage_embedding::CACHE_HITS,
        storage_embedding::CACHE_LOOKUPS,
        storage_embedding::CACHE_MISSES,
        storage_embedding::GENERATION_DURATION,
    ] {
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
    }
}

#[test]
fn histograms_have_buckets_and_no_quantiles() {
    let recorder = builder().unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
    metrics::with_local_recorder(&recorder, || {
        metrics::histogram!(super::HTTP_DURATION, "method" => "GET", "path" => "/x").record(0.02);
    });
    let text = recorder.handle().render();
    assert!(text.contains("_bucket{method=\"GET\",path=\"/x\",le=\"0.025\"} 1"), "{text}");
    assert!(!text.contains("quantile"), "{text}");
}

#[test]
fn the_reference_in_docs_is_not_stale() {
    crate::documents::assert_current("metrics.md", &reference());
}
