//! The document as a page: Swagger UI, whose files are part of this program.

use std::borrow::Cow;
use std::sync::Arc;

use utoipa_swagger_ui::Config;

/// The files of the page.
pub(crate) const FILES: [&str; 4] = ["index.html", "start.js", "swagger-ui-bundle.js", "swagger-ui.css"];

const INDEX: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Data Storage API</title>
<link rel=\"icon\" href=\"data:,\">
<link rel=\"stylesheet\" href=\"swagger-ui.css\">
</head>
<body>
<div id=\"page\"></div>
<script src=\"swagger-ui-bundle.js\"></script>
<script src=\"start.js\"></script>
</body>
</html>
";

/// Not within the page, so that no script but files need be allowed.
const START: &str = "SwaggerUIBundle({
  url: \"../openapi.json\", dom_id: \"#page\", deepLinking: true, filter: true, validatorUrl: null,
  docExpansion: \"list\", defaultModelsExpandDepth: 0
});
";

/// Where the page begins.
pub(crate) const fn index() -> &'static str {
    "/docs/index.html"
}

/// The files of the page: name, type and content.
pub(crate) fn files() -> impl Iterator<Item = (&'static str, &'static str, Cow<'static, [u8]>)> {
    FILES.into_iter().filter_map(|name| Some((name, media_type(name), content(name)?)))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    }
}

fn content(name: &str) -> Option<Cow<'static, [u8]>> {
    match name {
        "index.html" => Some(Cow::Borrowed(INDEX.as_bytes())),
        "start.js" => Some(Cow::Borrowed(START.as_bytes())),
        _ => {
            let found = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json")));
            found.ok().flatten().map(|file| file.bytes)
        }
    }
}
