//! How the rows of each kind of statement are read. The record's columns come first, in their order; what is
//! added to them follows, and is read by its name.

use diesel::deserialize::{self, FromSqlRow, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, Text};
use storage_models::IncidentKey;

use crate::Listed;

/// A row that is a record.
pub(crate) struct Plain<R>(pub(crate) R);

/// A row of a page with the total beside it; without a record when the page is empty.
pub(crate) struct Counted<R> {
    /// `None` where the counters alone were asked and do not know it.
    pub(crate) total: Option<i64>,
    pub(crate) record: Option<R>,
}

/// A record with its distance from what was searched for.
pub(crate) struct Distant<R> {
    pub(crate) record: R,
    pub(crate) distance: f64,
}

/// One of few records that match a filter, with its distance from what was searched for.
pub(crate) struct Selected<R> {
    pub(crate) record: R,
    /// `None` for a record without a vector.
    pub(crate) distance: Option<f64>,
    /// How many match the filter.
    pub(crate) matching: i64,
}

/// An incident of a record, with the record's distance from what was searched for.
pub(crate) struct NearIncident {
    pub(crate) key: IncidentKey,
    pub(crate) distance: f64,
}

/// The same of one of few records that match a filter.
pub(crate) struct SelectedIncident {
    /// `None` for a record without a vector.
    pub(crate) near: Option<NearIncident>,
    /// How many match the filter.
    pub(crate) matching: i64,
}

/// An incident with its newest record.
pub(crate) struct Summarized<R> {
    pub(crate) record: R,
    pub(crate) key: IncidentKey,
    pub(crate) count: i64,
    pub(crate) newest: Vec<i64>,
    pub(crate) is_at_least: bool,
}

/// A record with its rank among those that hold the words, what the words that it holds weigh, and what the literal ones
/// among them do.
pub(crate) struct Ranked<R> {
    pub(crate) record: R,
    pub(crate) rank: f64,
    pub(crate) held: f64,
    pub(crate) literal: f64,
}

/// A word of a text that is searched for, where it has one, beside the whole text as an identifier.
pub(crate) struct Word {
    /// As `audit_whole` writes it; none of a blank text.
    pub(crate) identifier: Option<String>,
    pub(crate) word: Option<String>,
    /// The word in CamelCase that it is a part of, or itself.
    pub(crate) whole: Option<String>,
}

/// How rare a word is.
pub(crate) struct Rarity {
    /// The inverse document frequency, above 0.
    pub(crate) weight: f64,
    /// Whether sets of shared words have it.
    pub(crate) is_shared: bool,
    /// Whether records have it among their own words.
    pub(crate) is_own: bool,
}

/// A row that is a number.
pub(crate) struct Number(pub(crate) i64);

impl<R: Listed> QueryableByName<Pg> for Plain<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self(FromSqlRow::build_from_row(row)?))
    }
}

impl<R: Listed> QueryableByName<Pg> for Counted<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let total = NamedRow::get::<Nullable<BigInt>, _>(row, "total")?;
        // Judged by the id alone: a null in any other column that must have a value is an error, not an empty
        // page.
        let id: Option<i64> = row.get_value::<Nullable<BigInt>, _, _>(0)?;
        let record = id.map(|_| R::build_from_row(row)).transpose()?;
        Ok(Self { total, record })
    }
}

impl<R: Listed> QueryableByName<Pg> for Distant<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let distance = NamedRow::get::<Double, _>(row, "distance")?;
        Ok(Self { record: R::build_from_row(row)?, distance })
    }
}

impl<R: Listed> QueryableByName<Pg> for Selected<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let distance = NamedRow::get::<Nullable<Double>, _>(row, "distance")?;
        let matching = NamedRow::get::<BigInt, _>(row, "matching")?;
        Ok(Self { record: R::build_from_row(row)?, distance, matching })
    }
}

impl QueryableByName<Pg> for NearIncident {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let distance = NamedRow::get::<Double, _>(row, "distance")?;
        Ok(Self { key: NamedRow::get::<Binary, _>(row, "incident_key")?, distance })
    }
}

impl QueryableByName<Pg> for SelectedIncident {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let matching = NamedRow::get::<BigInt, _>(row, "matching")?;
        let distance: Option<f64> = NamedRow::get::<Nullable<Double>, _>(row, "distance")?;
        let near = distance.map(|_| NearIncident::build(row)).transpose()?;
        Ok(Self { near, matching })
    }
}

impl<R: Listed> QueryableByName<Pg> for Summarized<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            record: R::build_from_row(row)?,
            key: NamedRow::get::<Binary, _>(row, "incident_key")?,
            count: NamedRow::get::<BigInt, _>(row, "count")?,
            newest: NamedRow::get::<Array<BigInt>, _>(row, "newest")?,
            is_at_least: NamedRow::get::<Bool, _>(row, "is_at_least")?,
        })
    }
}

impl<R: Listed> QueryableByName<Pg> for Ranked<R> {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let number = |name| NamedRow::get::<Double, f64>(row, name);
        let (rank, held, literal) = (number("rank")?, number("held")?, number("literal")?);
        Ok(Self { record: R::build_from_row(row)?, rank, held, literal })
    }
}

impl QueryableByName<Pg> for Word {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let text = |name| NamedRow::get::<Nullable<Text>, Option<String>>(row, name);
        Ok(Self { identifier: text("identifier")?, word: text("word")?, whole: text("whole")? })
    }
}

impl QueryableByName<Pg> for Rarity {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            weight: NamedRow::get::<Double, _>(row, "weight")?,
            is_shared: NamedRow::get::<Bool, _>(row, "is_shared")?,
            is_own: NamedRow::get::<Bool, _>(row, "is_own")?,
        })
    }
}

impl QueryableByName<Pg> for Number {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        row.get_value::<BigInt, _, _>(0).map(Self)
    }
}
