//! What people need who see, hear or point otherwise: axe-core finds no violation in any view.

use std::env;
use std::path::Path;

use serde_json::{Value, json};

use crate::page::{ESCAPE, Page};
use crate::store::Store;

/// Where `.ci/run` puts axe-core.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/npm/node_modules/axe-core/axe.min.js");

/// The rules of WCAG 2.1 AA, and what axe holds for good practice.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']";

/// Every view, light and dark, on a phone and on a wide screen.
#[tokio::test]
async fn no_view_violates_a_rule_of_axe() {
    if !Path::new(AXE).is_file() {
        assert!(env::var_os("CI").is_none(), "axe-core must be there in CI");
        eprintln!("SKIPPED: axe-core is not in target/npm, so no rule is checked: run `npm ci` there");
        return;
    }
    let axe = std::fs::read_to_string(AXE).unwrap();
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let id = page.ids().await[0];
    page.run(&format!("{axe}; window.axe = axe")).await;
    let views = [
        ("#/?since=24h&severity=critical&outcomes=true".to_owned(), "Records"),
        ("#/?q=restart".to_owned(), "best hits"),
        (format!("#/?since=24h&open={id}"), "What happened"),
        (format!("#/incident/{id}"), "As it is stored"),
        (format!("#/compare/{id}/{id}"), "fields differ"),
        ("#/health".to_owned(), "What the service depends on"),
        ("#/?since=2001-01-01&until=2001-01-02&sort=banana".to_owned(), "Nothing matches"),
    ];
    for scheme in ["light", "dark"] {
        page.colours(scheme).await;
        for width in [400, 1600] {
            page.size(width, 900).await;
            for (hash, text) in &views {
                page.go(hash).await;
                page.shows(text).await;
                page.settles().await;
                let violations = violations(&page).await;
                assert!(violations.as_array().unwrap().is_empty(), "{hash} {scheme} {width}: {violations:#}");
                let overflow = page.value("document.documentElement.scrollWidth - innerWidth").await;
                assert!(overflow.as_i64().unwrap() <= 0, "{hash} {width}: {overflow} px too wide");
            }
            page.press("?").await;
            page.shows("move the time back and forward").await;
            let violations = violations(&page).await;
            assert_eq!(violations, json!([]), "help {scheme} {width}");
            page.press(ESCAPE).await;
        }
    }
    page.close().await;
}

async fn violations(page: &Page) -> Value {
    let script = format!(
        "const done = arguments[0]; axe.run(document, {{ runOnly: {RULES} }}).then((result) => done(result.violations.map((one) => \
         [one.id, ...one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])), (error) => done([[String(error)]]));"
    );
    page.run_to_end(&script).await
}
