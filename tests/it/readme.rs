//! The README's five minutes, as a newcomer types them.

use storage_testkit::environment;
use tokio::process::Command;

use crate::support::Service;

const README: &str = include_str!("../../README.md");

/// Each block of commands of the five minutes, without those that start and stop a service of the reader's own.
fn blocks() -> Vec<String> {
    let (_, tour) = README.split_once("\n## Five minutes\n").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let is_of_reader = |line: &&str| line.starts_with("cargo xtask ") || line.starts_with(". .dev/env");
    tour.split("\n```")
        .filter_map(|block| block.strip_prefix("sh\n"))
        .map(|block| {
            block.lines().filter(|line| !is_of_reader(line)).map(|line| format!("{line}\n")).collect()
        })
        .collect()
}

/// Only the record that is wrong on purpose is refused, and every list and search finds something.
#[tokio::test]
async fn the_commands_of_the_readme_answer_what_it_says() {
    let service = Service::start().await;
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let loaded = Command::new(bin).args(["sample", "--url", &service.process.url()]).status().await.unwrap();
    assert!(loaded.success());
    let blocks = blocks();
    assert!(blocks.len() > 5, "{blocks:?}");

    let script = format!("set -e\n{}", blocks.join("printf '\\n==\\n'\n"));
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("DATASTORAGE_URL", service.process.url())
        .env("DATASTORAGE_ADMIN_URL", service.process.admin_url())
        .output()
        .await
        .expect("bash and curl: the README uses both");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stderr));

    let problems: Vec<&str> = said.matches("\"type\":\"/problems/").collect();
    assert_eq!(problems.len(), 1, "{said}");
    assert!(said.contains("\"type\":\"/problems/validation-failed\""), "{said}");
    assert!(!said.contains("{\"data\":[],"), "{said}");
}
