//! The settings as documents: a commented file of defaults, and a reference.

use std::fmt::Write as _;

use super::auth::AuthSettings;
use super::database::DatabaseSettings;
use super::embedding::EmbeddingSettings;
use super::export::ExportSettings;
use super::idempotency::IdempotencySettings;
use super::kubernetes::KubernetesSection;
use super::limits::LimitSettings;
use super::log::LogSettings;
use super::openai::OpenAiSection;
use super::projector::ProjectorSection;
use super::qdrant::QdrantSection;
use super::reconcile::ReconcileSection;
use super::redis::RedisSection;
use super::schema::SchemaSettings;
use super::section::{FieldDoc, Section};
use super::server::ServerSettings;
use super::tls::TlsSection;
use super::writer::WriterSection;

/// A section as documents show it.
struct SectionDoc {
    name: &'static str,
    about: &'static [&'static str],
    fields: &'static [FieldDoc],
}

const fn doc<S: Section>() -> SectionDoc {
    SectionDoc { name: S::NAME, about: S::ABOUT, fields: S::FIELDS }
}

/// Every section, in order.
const SECTIONS: &[SectionDoc] = &[
    doc::<ServerSettings>(),
    doc::<TlsSection>(),
    doc::<AuthSettings>(),
    doc::<KubernetesSection>(),
    doc::<LimitSettings>(),
    doc::<DatabaseSettings>(),
    doc::<ExportSettings>(),
    doc::<SchemaSettings>(),
    doc::<WriterSection>(),
    doc::<IdempotencySettings>(),
    doc::<ProjectorSection>(),
    doc::<ReconcileSection>(),
    doc::<EmbeddingSettings>(),
    doc::<OpenAiSection>(),
    doc::<RedisSection>(),
    doc::<QdrantSection>(),
    doc::<LogSettings>(),
];

/// A settings file in TOML with every setting, its meaning and its default; what has no default is commented out.
#[must_use]
pub fn default_file() -> String {
    let mut file = String::from(
        "# Settings of datastorage, each at its default.\n\
         # Every one can also be given as an environment variable: server.addr is DATASTORAGE__SERVER__ADDR.\n",
    );
    for section in SECTIONS {
        file.push('\n');
        push_comment(&mut file, section.about);
        let _ = writeln!(file, "[{}]", section.name);
        for field in section.fields {
            push_comment(&mut file, field.about);
            let hidden = if field.default.is_empty() { "# " } else { "" };
            let quote = if field.quoted || field.default.is_empty() { "\"" } else { "" };
            let _ = writeln!(file, "{hidden}{} = {quote}{}{quote}", field.name, field.default);
        }
    }
    file
}

/// The reference in Markdown: every setting with its environment variable, form, default and meaning.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Defaults give way to the file (`--config`, TOML or YAML), the file to the environment\n\
         (`DATASTORAGE__SECTION__KEY`), the environment to flags. Unknown settings are refused. Everything is checked at\n\
         start; all faults are reported at once, with exit code 78. `datastorage settings --defaults` prints this as a\n\
         commented file.\n\n\
         This page is generated from the code; a test fails when it is stale.\n",
    );
    for section in SECTIONS {
        let _ = writeln!(page, "\n## {}\n\n{}\n", section.name, joined(section.about));
        let _ = writeln!(page, "| setting | default | meaning |\n|---|---|---|");
        for field in section.fields {
            let default =
                if field.default.is_empty() { "none".to_owned() } else { format!("`{}`", field.default) };
            let secret = if field.secret { " A secret: never logged." } else { "" };
            let _ = writeln!(
                page,
                "| `{}.{}` | {default} | {} Must be {}.{secret} |",
                section.name,
                field.name,
                joined(field.about),
                field.form
            );
        }
    }
    page
}

fn push_comment(file: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(file, "# {}", line.trim());
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
