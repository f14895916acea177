//! The rights of the server's role, compared with those that it needs.
//!
//! Effective rights count, from any source: a grant to the role, to PUBLIC, to a role it is a member of, or on a column
//! of a table. Rights that PostgreSQL gives to every role on objects outside this schema are ignored.

use diesel::OptionalExtension;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

use crate::expected::{self, FUNCTIONS, MIGRATIONS_TABLE, TABLES};
use crate::{Difference, SchemaError};

/// How a role's rights differ from those that the server needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleReport {
    /// The role.
    pub role: String,
    /// Why nothing can be kept from it, as the rest of a sentence: it owns the tables, or is a superuser. Then no
    /// differences are listed.
    pub unrestricted: Option<&'static str>,
    /// The missing and the excess rights, by name.
    pub differences: Vec<Difference>,
}

/// One right on one object, whether the role has it or not.
#[derive(Debug, diesel::Queryable)]
struct RightRow {
    /// table, column, sequence, function, parameter, schema, database, attribute or membership.
    kind: String,
    name: String,
    privilege: String,
    /// Whether the role has it on the object as a whole.
    whole: bool,
    /// Whether the role has it on any part of the object.
    part: bool,
}

/// Compares the rights of `role`, or of the connection's own role, with those that the server needs.
///
/// # Errors
/// When the catalogue cannot be read, or no such role exists. Differences are not errors.
pub async fn verify_role(
    connection: &mut AsyncPgConnection,
    role: Option<&str>,
) -> Result<RoleReport, SchemaError> {
    let Some(found) = find(connection, role).await? else {
        let role = role.unwrap_or_default().to_owned();
        let differences = vec![Difference::Missing { what: format!("role {role}") }];
        return Ok(RoleReport { role, unrestricted: None, differences });
    };
    let (role, unrestricted) = (found.name.clone(), found.unrestricted());
    let rows = if unrestricted.is_none() { rights(connection, &role).await? } else { Vec::new() };
    let differences = rows.iter().filter_map(|row| row.difference(&role)).collect();
    Ok(RoleReport { role, unrestricted, differences })
}

/// A role as the catalogue has it.
#[derive(Debug, diesel::Queryable)]
pub(crate) struct RoleRow {
    pub(crate) name: String,
    is_superuser: bool,
    is_owner: bool,
}

impl RoleRow {
    /// Why nothing can be kept from this role.
    pub(crate) const fn unrestricted(&self) -> Option<&'static str> {
        match (self.is_superuser, self.is_owner) {
            (true, _) => Some("is a superuser"),
            (false, true) => Some("owns the tables or is a member of the role that owns them"),
            (false, false) => None,
        }
    }
}

statement! {
    /// The role of that name, or the connection's own.
    Role<'a>("role.sql") -> (Text, Bool, Bool) { role: Option<&'a str> => Nullable<Text>, tables: Vec<&'a str> => Array<Text> }
}

/// The role of that name, or the connection's own.
pub(crate) async fn find(
    connection: &mut AsyncPgConnection,
    role: Option<&str>,
) -> Result<Option<RoleRow>, SchemaError> {
    Role { role, tables: table_names() }
        .get_result(connection)
        .await
        .optional()
        .map_err(SchemaError::during("the list of roles"))
}

pub(crate) fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

statement! {
    /// Every right on the schema's own tables, their partitions, and the list of migrations. MAINTAIN came with PostgreSQL 17.
    Rights<'a>("rights.sql") -> (Text, Text, Text, Bool, Bool) {
        role: &'a str => Text,
        tables: Vec<&'a str> => Array<Text>,
        functions: Vec<&'a str> => Array<Text>,
        changed_by_column: Vec<&'a str> => Array<Text>,
    }
}

async fn rights(connection: &mut AsyncPgConnection, role: &str) -> Result<Vec<RightRow>, SchemaError> {
    let tables: Vec<&str> = table_names().into_iter().chain([MIGRATIONS_TABLE]).collect();
    let (functions, changed_by_column) = (FUNCTIONS.to_vec(), expected::changed_by_column());
    Rights { role, tables, functions, changed_by_column }
        .load(connection)
        .await
        .map_err(SchemaError::during("the list of rights"))
}

impl RightRow {
    fn difference(&self, role: &str) -> Option<Difference> {
        let Self { kind, name, privilege, .. } = self;
        let what = match kind.as_str() {
            "attribute" => format!("attribute {name} of role {role}"),
            "membership" => format!("membership of role {role} in {name}"),
            _ => format!("right {privilege} on {kind} {name} of role {role}"),
        };
        match (self.is_needed(), self.whole, self.part) {
            (true, false, _) if kind == "parameter" => Some(not_granted(what)),
            (true, false, _) => Some(Difference::Missing { what }),
            (false, _, true) => Some(Difference::Extra { what }),
            _ => None,
        }
    }

    fn is_needed(&self) -> bool {
        let privilege = self.privilege.as_str();
        match self.kind.as_str() {
            "table" => expected::rights_on(&self.name).contains(&privilege),
            "column" => expected::is_changed(&self.name),
            "sequence" | "schema" => privilege == "USAGE",
            "function" | "parameter" => true,
            "database" => privilege == "CONNECT",
            _ => false,
        }
    }
}

/// Rights that the server can work without and that only an administrator can grant.
fn not_granted(what: String) -> Difference {
    Difference::Changed { what, expected: "granted".to_owned(), found: "not granted".to_owned() }
}
