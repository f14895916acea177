//! The explorer: the page under `/ui` on which operators and auditors read the store. Its files are part of this program,
//! and are served as they are written.

/// A file of the page.
pub(crate) struct File {
    /// The last part of its path; empty for the page itself.
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal is $media_type:ident from $file:literal,)*) => {
        [$(File {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("../../../ui/", $file)),
        },)*]
    };
}

/// Every file of the page.
pub(crate) static FILES: [File; 12] = files![
    "" is HTML from "index.html",
    "explorer.css" is CSS from "explorer.css",
    "main.js" is SCRIPT from "main.js",
    "state.js" is SCRIPT from "state.js",
    "service.js" is SCRIPT from "service.js",
    "parts.js" is SCRIPT from "parts.js",
    "chart.js" is SCRIPT from "chart.js",
    "list.js" is SCRIPT from "list.js",
    "incident.js" is SCRIPT from "incident.js",
    "preact.mjs" is SCRIPT from "preact.mjs",
    "hooks.mjs" is SCRIPT from "hooks.mjs",
    "htm.mjs" is SCRIPT from "htm.mjs",
];

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::FILES;

    /// The page opens at once on a slow line.
    #[test]
    fn the_page_is_at_most_twelve_files_and_60_kib_compressed() {
        let size: usize = FILES
            .iter()
            .map(|file| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(file.bytes).unwrap();
                encoder.finish().unwrap().len()
            })
            .sum();
        assert!(FILES.len() <= 12 && size <= 60 * 1024, "{} files, {size} bytes", FILES.len());
    }
}
