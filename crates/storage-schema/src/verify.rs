//! Comparing a database with the schema this crate was built with.

use std::fmt;

use diesel_async::AsyncPgConnection;
use storage_models::Timestamp;

use crate::catalogue::{self, ColumnRow, PartRow};
use crate::expected::{self, Table};
use crate::{PGVECTOR_MINIMUM, SchemaError, partitions};

/// One difference between a database and the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Something is not there: a table, a column, an index, a trigger, a function, the extension, a partition.
    Missing {
        /// What, by name, such as `column remediation_audit.severity`.
        what: String,
    },
    /// Something is there and is not what it shall be.
    Differs {
        /// What, by name.
        what: String,
        /// What it shall be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A column, index or trigger the schema does not know. Harmless to this version: a newer one may have added it.
    Extra {
        /// What, by name.
        what: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what } => write!(f, "missing: {what}"),
            Self::Differs { what, expected, found } => {
                write!(f, "differs: {what} is {found}, expected {expected}")
            }
            Self::Extra { what } => write!(f, "extra: {what}"),
        }
    }
}

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

    /// The differences that the service cannot run with: everything but what is extra.
    pub fn fatal(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| !matches!(difference, Difference::Extra { .. }))
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

/// Compares the database with the schema: extension, tables, columns with type and nullability, indexes and
/// triggers by name and validity, the functions, and the partitions of the present month.
///
/// # Errors
/// When the catalogue cannot be read. Differences are not errors.
pub async fn verify(connection: &mut AsyncPgConnection) -> Result<VerifyReport, SchemaError> {
    let names: Vec<&str> = expected::TABLES.iter().map(|table| table.name).collect();
    let columns = catalogue::columns(connection, &names).await?;
    let indexes = catalogue::indexes(connection, &names).await?;
    let triggers = catalogue::triggers(connection, &names).await?;

    let mut differences = extension(catalogue::pgvector_version(connection).await?.as_deref());
    for table in expected::TABLES {
        let own: Vec<_> = columns.iter().filter(|row| row.table_name == table.name).collect();
        if own.is_empty() {
            differences.push(Difference::Missing { what: format!("table {}", table.name) });
            continue;
        }
        compare_columns(table, &own, &mut differences);
        compare_parts(table.name, "index", table.indexes, &indexes, &mut differences);
        compare_parts(table.name, "trigger", table.triggers, &triggers, &mut differences);
    }
    for function in expected::FUNCTIONS {
        if !catalogue::function_exists(connection, function).await? {
            differences.push(Difference::Missing { what: format!("function {function}") });
        }
    }
    differences.extend(present_partitions(connection).await?);
    Ok(VerifyReport { differences })
}

fn extension(version: Option<&str>) -> Vec<Difference> {
    let Some(version) = version else {
        return vec![Difference::Missing { what: "extension vector".to_owned() }];
    };
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found >= PGVECTOR_MINIMUM {
        return Vec::new();
    }
    vec![Difference::Differs {
        what: "extension vector".to_owned(),
        expected: format!("version {}.{} or later", PGVECTOR_MINIMUM.0, PGVECTOR_MINIMUM.1),
        found: format!("version {version}"),
    }]
}

fn compare_columns(table: &Table, found: &[&ColumnRow], differences: &mut Vec<Difference>) {
    for column in table.columns {
        let what = format!("column {}.{}", table.name, column.name);
        match found.iter().find(|row| row.name == column.name) {
            None => differences.push(Difference::Missing { what }),
            Some(row) if row.sql_type != column.sql_type || row.nullable != column.nullable => {
                differences.push(Difference::Differs {
                    what,
                    expected: describe(column.sql_type, column.nullable),
                    found: describe(&row.sql_type, row.nullable),
                });
            }
            Some(_) => {}
        }
    }
    let is_known = |name: &str| table.columns.iter().any(|column| column.name == name);
    for row in found.iter().filter(|row| !is_known(&row.name)) {
        differences.push(Difference::Extra { what: format!("column {}.{}", table.name, row.name) });
    }
}

fn describe(sql_type: &str, nullable: bool) -> String {
    format!("{sql_type}{}", if nullable { "" } else { " not null" })
}

fn compare_parts(
    table: &str,
    kind: &str,
    expected: &[&str],
    found: &[PartRow],
    differences: &mut Vec<Difference>,
) {
    let own: Vec<_> = found.iter().filter(|row| row.table_name == table).collect();
    for name in expected {
        let what = format!("{kind} {name} on {table}");
        match own.iter().find(|row| row.name == *name) {
            None => differences.push(Difference::Missing { what }),
            Some(row) if !row.works => differences.push(Difference::Differs {
                what,
                expected: "valid and enabled".to_owned(),
                found: "invalid or disabled".to_owned(),
            }),
            Some(_) => {}
        }
    }
    for row in own.iter().filter(|row| !expected.contains(&row.name.as_str())) {
        differences.push(Difference::Extra { what: format!("{kind} {} on {table}", row.name) });
    }
}

async fn present_partitions(connection: &mut AsyncPgConnection) -> Result<Vec<Difference>, SchemaError> {
    let parents: Vec<&str> = expected::partitioned().collect();
    let found = catalogue::partitions(connection, &parents).await?;
    let month = partitions::month_of(Timestamp::now()).format("%Y_%m");
    let missing = parents.iter().map(|parent| format!("{parent}_{month}")).filter_map(|name| {
        let exists = found.iter().any(|row| row.name == name);
        (!exists).then(|| Difference::Missing { what: format!("partition {name}") })
    });
    Ok(missing.collect())
}
