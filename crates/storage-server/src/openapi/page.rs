//! The document as a page: Swagger UI, whose files are part of this program.

use std::borrow::Cow;
use std::sync::Arc;

use utoipa_swagger_ui::Config;

/// The files of the page.
pub(super) const FILES: [&str; 4] = ["index.html", "start.js", "swagger-ui-bundle.js", "swagger-ui.css"];

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

/// A file of the page, with its type.
pub(crate) fn file(name: &str) -> Option<(&'static str, Cow<'static, [u8]>)> {
    let name = FILES.into_iter().find(|file| *file == name)?;
    match name {
        "index.html" => Some(("text/html; charset=utf-8", Cow::Borrowed(INDEX.as_bytes()))),
        "start.js" => Some(("text/javascript; charset=utf-8", Cow::Borrowed(START.as_bytes()))),
        _ => {
            let kind = if name.ends_with(".css") {
                "text/css; charset=utf-8"
            } else {
                "text/javascript; charset=utf-8"
            };
            let found =
                utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json"))).ok().flatten()?;
            Some((kind, found.bytes))
        }
    }
}
