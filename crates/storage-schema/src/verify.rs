//! Comparing a database with the schema this crate was built with.

use std::fmt;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_models::Timestamp;

use crate::catalogue::{self, ColumnRow};
use crate::expected::{self, Table};
use crate::{Difference, PGVECTOR_MINIMUM, SchemaError, definitions, partitions};

/// Every difference found. Displayed one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// In the order of the tables.
    pub differences: Vec<Difference>,
}

impl VerifyReport {
    /// Whether the database is exactly what the schema says.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    /// The differences that the service cannot run with: missing or different objects.
    pub fn fatal(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.is_fatal())
    }

    /// The differences that the service can run with.
    pub fn harmless(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| !difference.is_fatal())
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("the schema is as expected");
        }
        for (index, difference) in self.differences.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{difference}")?;
        }
        Ok(())
    }
}

/// Compares the database with the schema: extension, tables, columns with type and nullability, the definitions of
/// defaults, constraints, indexes, triggers and functions, whether indexes are valid and triggers enabled, and the
/// partitions. [`crate::verify_role`] compares the rights of a role.
///
/// Takes a connection with no open transaction: it reads in one of its own.
///
/// # Errors
/// When the catalogue cannot be read. Differences are not errors.
pub async fn verify(connection: &mut AsyncPgConnection) -> Result<VerifyReport, SchemaError> {
    let reading = async |connection: &mut AsyncPgConnection| read(connection).await.map_err(Reading::Schema);
    match connection.transaction(reading).await {
        Ok(differences) => Ok(VerifyReport { differences }),
        Err(Reading::Schema(error)) => Err(error),
        Err(Reading::Transaction(error)) => Err(SchemaError::during("the reading of the catalogue")(error)),
    }
}

/// Why the catalogue was not read.
enum Reading {
    Schema(SchemaError),
    Transaction(diesel::result::Error),
}

impl From<diesel::result::Error> for Reading {
    fn from(error: diesel::result::Error) -> Self {
        Self::Transaction(error)
    }
}

async fn read(connection: &mut AsyncPgConnection) -> Result<Vec<Difference>, SchemaError> {
    catalogue::show_as_expected(connection).await?;
    let names: Vec<&str> = expected::TABLES.iter().map(|table| table.name).collect();
    let columns = catalogue::columns(connection, &names).await?;
    let parts = catalogue::parts(connection, &names).await?;

    let mut differences = extension(catalogue::pgvector_version(connection).await?.as_deref());
    for table in expected::TABLES {
        let own: Vec<_> = columns.iter().filter(|row| row.table_name == table.name).collect();
        if own.is_empty() {
            differences.push(Difference::Missing { what: format!("table {}", table.name) });
            continue;
        }
        compare_columns(table, &own, &mut differences);
        differences.extend(definitions::compare(table.name, &parts));
    }
    differences.extend(definitions::compare(definitions::OF_NO_TABLE, &parts));
    let parents: Vec<&str> = expected::partitioned().collect();
    let faults = catalogue::partition_faults(connection, &parents).await?;
    differences.extend(faults.into_iter().map(definitions::of_partition));
    differences.extend(present_partitions(connection).await?);
    Ok(differences)
}

fn extension(version: Option<&str>) -> Vec<Difference> {
    let Some(version) = version else {
        return vec![Difference::Missing { what: "extension vector".to_owned() }];
    };
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let found = (next(), next(), next());
    if found >= PGVECTOR_MINIMUM {
        return Vec::new();
    }
    let (major, minor, patch) = PGVECTOR_MINIMUM;
    vec![Difference::Differs {
        what: "extension vector".to_owned(),
        expected: format!("version {major}.{minor}.{patch} or later"),
        found: format!("version {version}"),
    }]
}

fn compare_columns(table: &Table, found: &[&ColumnRow], differences: &mut Vec<Difference>) {
    for column in table.columns() {
        let sql_type = column.sql_type.to_string();
        let what = format!("column {}.{}", table.name, column.name);
        match found.iter().find(|row| row.name == column.name) {
            None => differences.push(Difference::Missing { what }),
            Some(row) if row.sql_type != sql_type || row.nullable != column.nullable => {
                differences.push(Difference::Differs {
                    what,
                    expected: describe(&sql_type, column.nullable),
                    found: describe(&row.sql_type, row.nullable),
                });
            }
            Some(_) => {}
        }
    }
    let is_known = |name: &str| table.columns().any(|column| column.name == name);
    for row in found.iter().filter(|row| !is_known(&row.name)) {
        differences.push(Difference::Extra { what: format!("column {}.{}", table.name, row.name) });
    }
}

fn describe(sql_type: &str, nullable: bool) -> String {
    format!("{sql_type}{}", if nullable { "" } else { " not null" })
}

async fn present_partitions(connection: &mut AsyncPgConnection) -> Result<Vec<Difference>, SchemaError> {
    let month = partitions::month_of(Timestamp::now()).format("%Y_%m");
    let wanted: Vec<String> = expected::partitioned().map(|parent| format!("{parent}_{month}")).collect();
    let present = catalogue::present_partitions(connection, &wanted).await?;
    let missing = wanted.into_iter().filter(|name| !present.contains(name));
    Ok(missing.map(|name| Difference::Missing { what: format!("partition {name}") }).collect())
}
