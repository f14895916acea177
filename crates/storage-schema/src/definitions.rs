//! Comparison of objects by their definitions.

use crate::Difference;
use crate::catalogue::PartRow;
use crate::expected::{self, Definition};

/// The place of what belongs to no table: the functions.
pub(crate) const OF_NO_TABLE: &str = "";

/// The differences in what belongs to one table.
pub(crate) fn compare(table: &str, found: &[PartRow]) -> Vec<Difference> {
    let known: Vec<Definition> = expected::definitions().filter(|it| it.table == table).collect();
    let own: Vec<&PartRow> = found.iter().filter(|row| row.table_name == table).collect();
    let is_same = |definition: &Definition, row: &PartRow| {
        (definition.kind, definition.name) == (row.kind.as_str(), row.name.as_str())
    };
    let mut differences = Vec::new();
    for definition in &known {
        let row = own.iter().find(|row| is_same(definition, row));
        differences.extend(difference(definition, row.copied()));
    }
    // Whose a function is that the schema does not know is not known either.
    let extra = own.iter().filter(|row| row.kind != "function" && !known.iter().any(|it| is_same(it, row)));
    differences.extend(extra.map(|row| Difference::Extra { what: describe(&row.kind, &row.name, table) }));
    differences
}

fn difference(definition: &Definition, row: Option<&PartRow>) -> Option<Difference> {
    let Definition { kind, table, name, text, restored } = *definition;
    let what = describe(kind, name, table);
    match row {
        None => Some(Difference::Missing { what }),
        Some(row) if !row.fault.is_empty() => {
            Some(Difference::Differs { what, expected: working(kind).to_owned(), found: row.fault.clone() })
        }
        Some(row) if row.definition != text && row.definition != restored => {
            Some(Difference::Changed { what, expected: text.to_owned(), found: row.definition.clone() })
        }
        Some(_) => None,
    }
}

/// The faults of partitions, by name.
pub(crate) fn of_partition(row: PartRow) -> Difference {
    let what = describe(&row.kind, &row.name, &row.table_name);
    match (row.definition.is_empty(), row.fault.is_empty()) {
        (true, _) => Difference::Missing { what },
        (false, true) => Difference::Extra { what },
        (false, false) => Difference::Differs { what, expected: row.fault, found: row.definition },
    }
}

fn describe(kind: &str, name: &str, table: &str) -> String {
    match kind {
        "table" | "function" => format!("{kind} {name}"),
        "default" => format!("default of column {table}.{name}"),
        "partition" => format!("partition {name} of {table}"),
        _ => format!("{kind} {name} on {table}"),
    }
}

fn working(kind: &str) -> &'static str {
    match kind {
        "trigger" => "enabled",
        "constraint" => "validated",
        _ => "valid",
    }
}
