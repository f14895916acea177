//! Making the tables at start.

use secrecy::SecretString;

use super::section::section;

section! {
    /// Whether and as whom the service brings the database to its schema when it starts.
    SchemaSettings = "schema" {
        /// Whether to migrate at start. Off, a database without the schema ends the start, naming what is missing.
        bootstrap: bool = "false",
        /// The database as the role that owns the tables, which the server's own role should not be: then finished
        /// records are safe from it (docs/security.md). Empty: the same as the server's.
        owner_url: Option<SecretString> = "",
    }
}
