//! Making the role that the server uses, with the rights it needs and no others.

use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_models::DatabaseFault;
use storage_postgres::{Transaction, statement};

use crate::expected::{FUNCTIONS, MIGRATIONS_TABLE, TABLES, Table};
use crate::lock::{LOCK_WAIT, lock};
use crate::rights::{self, RoleReport, verify_role};
use crate::{Difference, SchemaError};

/// How often a change of what belongs to the whole server is tried while others change it.
const SHARED_TRIES: u32 = 20;

/// How long the granting of all rights may take. It waits for no lock of a table.
const GRANT_LIMIT: Duration = Duration::from_secs(60);

/// The result for the server's role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolesReport {
    /// Whether the role was made.
    pub created: bool,
    /// The rights it has got and lost. Empty when it had what it needs.
    pub mended: Vec<Difference>,
    /// Rights that the owner may not change: grants by another role, and memberships. An administrator must change
    /// them.
    pub left: Vec<Difference>,
}

/// Makes `role` unless it is there, sets its password when one is given, and gives it the rights that the server needs:
/// exactly those, so that a right that was granted besides is taken back. May be run any number of times.
///
/// `owner` is connected as the role that owns the tables; to make a role, that one needs CREATEROLE. The password leaves this process as a SCRAM verifier only, so that no log of the server can hold it.
///
/// # Errors
/// [`SchemaError::Unrestricted`] for a superuser or an owner of the tables, [`SchemaError::Role`] when a database
/// administrator must do it, and whatever else the database refuses.
pub async fn make_role(
    mut owner: AsyncPgConnection,
    role: &str,
    password: Option<&str>,
) -> Result<RolesReport, SchemaError> {
    let connection = &mut owner;
    lock(connection, LOCK_WAIT).await?;
    let found = rights::find(connection, Some(role)).await?;
    if let Some(why) = found.as_ref().and_then(rights::RoleRow::unrestricted) {
        return Err(SchemaError::Unrestricted { role: role.to_owned(), why });
    }
    let quoted = quote(connection, role).await?;
    let created = found.is_none();
    if created {
        change_role(connection, role, &format!("CREATE ROLE {quoted} LOGIN"), "").await?;
    }
    if let Some(password) = password {
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        let advice = format!("ALTER ROLE {quoted} PASSWORD ");
        change_role(connection, role, &advice, &format!("'{verifier}'")).await?;
    }
    let report = grant(connection, role, &quoted).await?;
    Ok(RolesReport { created, ..report })
}

/// Gives the role its rights on what has come since; `None` when it is not there, or when nothing can be kept from it.
pub(crate) async fn grant_if_restricted(
    connection: &mut AsyncPgConnection,
    role: &str,
) -> Result<Option<RolesReport>, SchemaError> {
    match rights::find(connection, Some(role)).await? {
        Some(found) if found.unrestricted().is_none() => {
            let quoted = quote(connection, role).await?;
            grant(connection, role, &quoted).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// One statement on the role itself. `secret` is its end that no message may hold.
async fn change_role(
    connection: &mut AsyncPgConnection,
    role: &str,
    statement: &str,
    secret: &str,
) -> Result<(), SchemaError> {
    let hint = if secret.is_empty() { "" } else { "'...'" };
    let outcome = connection.batch_execute(&format!("{statement}{secret}")).await;
    outcome.map_err(|source| SchemaError::Role {
        role: role.to_owned(),
        advice: format!("{statement}{hint};"),
        source,
    })
}

async fn grant(
    connection: &mut AsyncPgConnection,
    role: &str,
    quoted: &str,
) -> Result<RolesReport, SchemaError> {
    let RoleReport { differences, .. } = verify_role(connection, Some(role)).await?;
    if differences.is_empty() {
        return Ok(RolesReport::default());
    }
    let objects = Objects::read(connection).await?;
    for statement in objects.seldom(&differences, quoted) {
        if let Err(source) = change_shared(connection, &statement).await {
            tracing::warn!(
                %source,
                statement,
                "the owner of the tables may not change this; have an administrator change it"
            );
        }
    }
    // At once, so that a server that runs never lacks what it needs.
    Transaction::new("grant rights", GRANT_LIMIT)
        .run(connection, async |connection| {
            for statement in objects.always(quoted) {
                connection.batch_execute(&statement).await?;
            }
            Ok(())
        })
        .await
        .map_err(SchemaError::during("the rights of the server's role"))?;
    let left = verify_role(connection, Some(role)).await?.differences;
    let mended = differences.into_iter().filter(|difference| !left.contains(difference)).collect();
    Ok(RolesReport { created: false, mended, left })
}

/// Changes what belongs to the whole server. PostgreSQL has no lock for that: of two who change the same at once, one fails.
pub(crate) async fn change_shared(connection: &mut AsyncPgConnection, statement: &str) -> QueryResult<()> {
    let is_race = |error: &Error| {
        DatabaseFault::of(error).is_conflict()
            || matches!(error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
    };
    let mut left = SHARED_TRIES;
    loop {
        left -= 1;
        match connection.batch_execute(statement).await {
            Err(error) if left > 0 && is_race(&error) => {}
            outcome => return outcome,
        }
    }
}

statement! {
    /// The objects of these tables.
    ObjectsOf("objects.sql") -> (Text, Text, Text) { tables: Vec<&'static str> => Array<Text> }
}

statement! {
    /// A name as SQL takes it.
    Quote<'a>("quote.sql") -> Text { name: &'a str => Text }
}

/// Everything the role could have a right on, each list as SQL names it, with commas.
#[derive(Debug, diesel::Queryable)]
struct Objects {
    relations: String,
    sequences: String,
    database: String,
}

impl Objects {
    async fn read(connection: &mut AsyncPgConnection) -> Result<Self, SchemaError> {
        let tables: Vec<&str> = rights::table_names().into_iter().chain([MIGRATIONS_TABLE]).collect();
        ObjectsOf { tables }.get_result(connection).await.map_err(SchemaError::during("the list of tables"))
    }

    /// Statements that run only if they are needed, because the owner of the tables may lack the right to run them.
    fn seldom(&self, differences: &[Difference], role: &str) -> Vec<String> {
        let database = &self.database;
        let mends = [
            ("attribute ", format!("ALTER ROLE {role} NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")),
            ("right USAGE on schema ", format!("GRANT USAGE ON SCHEMA public TO {role}")),
            ("right CREATE on schema ", format!("REVOKE CREATE ON SCHEMA public FROM {role}, PUBLIC")),
            ("right SET on parameter ", format!("GRANT SET ON PARAMETER lc_messages TO {role}")),
            ("right CONNECT on database ", format!("GRANT CONNECT ON DATABASE {database} TO {role}")),
            (
                "right CREATE on database ",
                format!("REVOKE CREATE ON DATABASE {database} FROM {role}, PUBLIC"),
            ),
        ];
        let is_needed = |part: &str| differences.iter().any(|difference| difference.what().starts_with(part));
        mends.into_iter().filter(|(part, _)| is_needed(part)).map(|(_, statement)| statement).collect()
    }

    /// Everything is taken back first, with it what was granted on single columns or to be passed on. From PUBLIC only
    /// what the server's role must not have.
    fn always(&self, role: &str) -> Vec<String> {
        let Self { relations, sequences, .. } = self;
        let functions = FUNCTIONS.map(|signature| format!("public.{signature}")).join(", ");
        let mut statements = vec![
            format!("REVOKE ALL ON {relations} FROM {role} CASCADE"),
            format!(
                "REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {relations} FROM PUBLIC"
            ),
            format!("REVOKE ALL ON SEQUENCE {sequences} FROM {role} CASCADE"),
            format!("REVOKE SELECT, UPDATE ON SEQUENCE {sequences} FROM PUBLIC"),
            format!("GRANT USAGE ON SEQUENCE {sequences} TO {role}"),
            format!("GRANT EXECUTE ON FUNCTION {functions} TO {role}"),
        ];
        let grants = |Table { name, rights, .. }: &Table| {
            let whole = rights.privileges().iter().map(|privilege| (*privilege).to_owned());
            let columns = rights.columns();
            let part = (!columns.is_empty()).then(|| format!("UPDATE ({})", columns.join(", ")));
            let granted = whole.chain(part).collect::<Vec<_>>().join(", ");
            (!granted.is_empty()).then(|| format!("GRANT {granted} ON public.{name} TO {role}"))
        };
        statements.extend(TABLES.iter().filter_map(grants));
        statements
    }
}

/// The name as SQL takes it.
async fn quote(connection: &mut AsyncPgConnection, name: &str) -> Result<String, SchemaError> {
    Quote { name }.get_result(connection).await.map_err(SchemaError::during("the name of the server's role"))
}
