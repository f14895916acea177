//! The settings as documents: a commented file of defaults, and a reference.

use std::fmt::Write as _;

use super::table::SECTIONS;

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
        for setting in section.settings {
            push_comment(&mut file, setting.about);
            let hidden = if setting.default.is_empty() { "# " } else { "" };
            let is_bare =
                matches!(setting.default, "true" | "false") || setting.default.parse::<u64>().is_ok();
            let quote = if is_bare { "" } else { "\"" };
            let _ = writeln!(file, "{hidden}{} = {quote}{}{quote}", setting.name, setting.default);
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
        for setting in section.settings {
            let default =
                if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
            let secret = if setting.is_secret { " A secret: never logged." } else { "" };
            let _ = writeln!(
                page,
                "| `{}.{}` | {default} | {} Must be {}.{secret} |",
                section.name,
                setting.name,
                joined(setting.about),
                setting.form
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
