//! The trait that all filters share.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use storage_models::Timestamp;
use storage_models::fields::Field;

use super::fields::Fields;
use super::{CheckedFilter, FilterNote};
use crate::{InvalidParameter, InvalidParameters};

/// The filter for records of one type. Only this crate can implement it.
///
/// Read from parameters, a field lists its values with commas or by being repeated (`\,` is a comma inside a
/// value), and a record matches when its column equals one of them. An empty value means the empty text.
///
/// Texts are compared in the form in which records store them
/// ([`Kind::as_stored`](storage_models::fields::Kind::as_stored)): a filter with a name as it was sent finds the
/// record. [`Self::notes`] names each value that this changed.
///
/// The name of a field that holds a text or a word may have a suffix:
///
/// | parameter | matches |
/// |---|---|
/// | `cluster=a,b` | `a` or `b` |
/// | `cluster.prefix=eu-` | what begins with `eu-`; not for words |
/// | `cluster.null=true`, `cluster.null=false` | records without a cluster, records with one |
/// | `cluster.not=a,b` | neither `a` nor `b`; records without a cluster too |
///
/// Values, prefixes and `.null=true` of the same field are alternatives; `.not` excludes records from them.
/// `.null=false` together with values or prefixes is refused, because it would have no effect.
pub trait AuditFilter: Fields + Debug + Default + Clone + DeserializeOwned + Send + Sync + 'static {
    /// The names of its parameters without suffixes, `since` and `until` last. Remediations also have any that begins with
    /// `metadata.`; see [`Self::has_field`].
    const FIELDS: &'static [&'static str];

    /// Whether it has a parameter of this name, which may have a suffix.
    fn has_field(name: &str) -> bool;

    /// Adds what the parameter `field` says.
    ///
    /// # Errors
    /// When there is no such field, a value cannot be read, or a parameter with one value comes a second time.
    fn set(&mut self, field: &str, text: &str) -> Result<(), InvalidParameter>;

    /// The values that a parameter for a field of its record type lists, as they are stored; none when it is not given.
    fn values(&self, parameter: &str) -> Vec<String>;

    /// The parameters of each field of its record type that a filter may name, by the field, the plain one first.
    fn parameters() -> Vec<(&'static Field, Vec<String>)>;

    /// Each value that is compared in another form than it was given, in the order in which they came.
    fn notes(&self) -> &[FilterNote];

    /// Reads parameters, each of which it must have ([`Self::has_field`]).
    ///
    /// # Errors
    /// All that [`Self::set`] refuses.
    fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidParameters> {
        let mut filter = Self::default();
        let errors = pairs.into_iter().filter_map(|(field, text)| filter.set(field, text).err()).collect();
        InvalidParameters::check(errors).map(|()| filter)
    }

    /// Checks what the types leave open, and turns ages into instants as of `now`.
    ///
    /// # Errors
    /// Every field with more than [`MAX_VALUES`](crate::MAX_VALUES) values or with NUL in one, and texts
    /// that are too long; more than [`MAX_METADATA_KEYS`](crate::MAX_METADATA_KEYS) keys, and keys that are;
    /// times and durations out of range; `since` after `until`, `min_duration` above `max_duration`; a range of the time of
    /// writing or changing of more than [`MAX_WRITTEN_DAYS`](crate::MAX_WRITTEN_DAYS) days, unless something else narrows it.
    fn check(self, now: Timestamp) -> Result<CheckedFilter<Self>, InvalidParameters> {
        CheckedFilter::new(self, now)
    }
}
