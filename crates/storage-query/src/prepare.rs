//! The settings of a connection, before its first query.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Remediation;

use crate::QueryError;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, Sql, Statement};

const OPERATION: &str = "prepare a connection";

/// The first version of pgvector with iterative scans.
const PGVECTOR: (u32, u32) = (0, 8);

/// Every role may set these but `lc_messages`, for which it needs a right. A limit that the owner of the connection has set
/// stays. `constraint_exclusion` has nothing to find in partitions and takes up to half of the planning; to compile a
/// statement over many partitions takes longer than to run it.
const SETTINGS: &str = "SELECT set_config(name, value, false) FROM (VALUES \
     ('timezone', 'UTC', true), \
     ('constraint_exclusion', 'off', true), \
     ('jit', 'off', true), \
     ('lc_messages', 'C', has_parameter_privilege('lc_messages', 'SET')), \
     ('statement_timeout', '5s', current_setting('statement_timeout') = '0'), \
     ('lock_timeout', '2s', current_setting('lock_timeout') = '0'), \
     ('idle_in_transaction_session_timeout', '10s', current_setting('idle_in_transaction_session_timeout') = '0'), \
     ('client_connection_check_interval', '500ms', current_setting('client_connection_check_interval') = '0')) \
     AS wanted (name, value, is_settable) WHERE is_settable";

/// Something that a connection lacks and [`prepare()`] could not set, with the queries that need it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The role may not set `lc_messages`, and the server's own messages are not English.
    #[error(
        "database errors cannot be told apart: the role may not set lc_messages, which is {is:?}; have an \
         administrator run: GRANT SET ON PARAMETER lc_messages TO the role"
    )]
    Language {
        /// The value of `lc_messages`.
        is: String,
    },
    /// The tables are not on the search path.
    #[error("no query works: {table} is not on the search path; set search_path to the schema that holds it")]
    Tables {
        /// The table that was looked for.
        table: &'static str,
    },
    /// pgvector is not on the search path, or is too old.
    #[error(
        "searches by meaning do not work: they need pgvector 0.8 or later on the search path, and found {}",
        found.as_deref().unwrap_or("none")
    )]
    Pgvector {
        /// The version on the search path.
        found: Option<String>,
    },
    /// The role may not see when the transactions of other roles began.
    #[error("feeds are refused while another role writes: grant pg_read_all_stats to the role")]
    HiddenWriters,
}

/// Sets UTC, English messages, what keeps planning short, and limits for the rest of the session: 5 s for each statement, 2 s for waiting for a
/// lock, 10 s for an open transaction without a statement. Limits that the session has already stay. A statement whose
/// client is gone ends.
///
/// The role needs no right except to connect. Returns what the role may not set and what else the connection lacks. An
/// empty list means that all queries of this crate work on the connection if the role may read the tables. Call it
/// outside a transaction: a rollback would undo the settings.
///
/// ```
/// use storage_query::prepare;
///
/// # storage_testkit::example(async |conn| {
/// for fault in prepare(conn).await? {
///     eprintln!("{fault}");
/// }
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`QueryError::Database`].
pub async fn prepare(conn: &mut AsyncPgConnection) -> Result<Vec<ConnectionFault>, QueryError> {
    conn.batch_execute(SETTINGS).await.map_err(QueryError::database(OPERATION))?;
    let sessions = Statement::<Session>::new(session()).load(conn, OPERATION).await?;
    Ok(sessions.into_iter().flat_map(Session::faults).collect())
}

/// The state of a session.
#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Bool)]
    has_tables: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pgvector: Option<String>,
    #[diesel(sql_type = Bool)]
    sees_writers: bool,
}

fn session() -> Sql {
    let mut sql = Sql::new("SELECT current_setting('lc_messages') AS language, to_regclass(");
    sql.bind(Bind::Text(Remediation::TABLE.to_owned())).text(
        ") IS NOT NULL AS has_tables, (SELECT extversion FROM pg_extension \
         WHERE extname = 'vector' AND to_regtype('vector') IS NOT NULL) AS pgvector, \
         pg_has_role('pg_read_all_stats', 'USAGE') AS sees_writers",
    );
    sql
}

impl Session {
    fn faults(self) -> Vec<ConnectionFault> {
        let mut faults = Vec::new();
        if !is_english(&self.language) {
            faults.push(ConnectionFault::Language { is: self.language });
        }
        if !self.has_tables {
            faults.push(ConnectionFault::Tables { table: Remediation::TABLE });
        }
        if !self.pgvector.as_deref().is_some_and(is_new_enough) {
            faults.push(ConnectionFault::Pgvector { found: self.pgvector });
        }
        if !self.sees_writers {
            faults.push(ConnectionFault::HiddenWriters);
        }
        faults
    }
}

/// Whether a server with this `lc_messages` writes English.
fn is_english(language: &str) -> bool {
    let name = language.split(['.', '@']).next().unwrap_or_default();
    matches!(name, "C" | "POSIX") || name.starts_with("en_")
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= PGVECTOR)
}

#[cfg(test)]
mod tests {
    use super::{ConnectionFault, Session, is_english, is_new_enough};

    #[test]
    fn english_is_told_by_the_name_of_the_locale() {
        for language in ["C", "POSIX", "C.UTF-8", "en_US.UTF-8", "en_GB", "en_IE@euro"] {
            assert!(is_english(language), "{language}");
        }
        for language in ["", "de_DE.UTF-8", "Czech", "enm", "c"] {
            assert!(!is_english(language), "{language}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in
            [("0.8.0", true), ("0.10", true), ("1.0.0-rc", true), ("0.7.4", false), ("", false), ("8", false)]
        {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }

    #[test]
    fn each_obstacle_says_who_needs_what() {
        let session = Session {
            language: "de_DE.UTF-8".to_owned(),
            has_tables: false,
            pgvector: Some("0.7.4".to_owned()),
            sees_writers: false,
        };
        let texts: Vec<String> = session.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "database errors cannot be told apart: the role may not set lc_messages, which is \"de_DE.UTF-8\"; \
                 have an administrator run: GRANT SET ON PARAMETER lc_messages TO the role",
                "no query works: remediation_audit is not on the search path; set search_path to the schema that \
                 holds it",
                "searches by meaning do not work: they need pgvector 0.8 or later on the search path, and found 0.7.4",
                "feeds are refused while another role writes: grant pg_read_all_stats to the role",
            ]
        );
        let none = ConnectionFault::Pgvector { found: None };
        assert!(none.to_string().ends_with("found none"));
    }
}
