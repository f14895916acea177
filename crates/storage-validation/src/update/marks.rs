//! The alterations of a record, through a change of it.

use storage_models::escape::sent_document;
use storage_models::fields::FromValue as _;
use storage_models::json::is_key_of;
use storage_models::{Alteration, Alterations, Altered, Json, JsonText, Record};

/// The field whose strings are marked one by one, or all together.
const METADATA: &str = "metadata";

/// The marks of a record that a patch changes.
pub(super) struct Marks {
    before: Option<Alterations>,
    /// Those of what the patch leaves.
    left: Vec<Alteration>,
    /// Whether the metadata is judged again, and with it which of its strings are escaped.
    judges_metadata: bool,
}

impl Marks {
    pub(super) fn of(current: &Record, patch: &Json) -> Self {
        let before = Alterations::from_value(current.value("alterations"));
        let judges_metadata = matches!(patch.at("/metadata"), Some(Json::Object(_)));
        let is_left = |mark: &&Alteration| {
            let is_decided_again = judges_metadata && is_whole(mark) && mark.what == Altered::Escaped;
            !is_decided_again && leaves(patch, mark.pointer.split('/').skip(1))
        };
        let left = before.iter().flat_map(Alterations::iter).filter(is_left).cloned().collect();
        Self { before, left, judges_metadata }
    }

    /// Notes that the metadata is judged again although the patch does not change it.
    pub(super) const fn judge_metadata(&mut self) {
        self.judges_metadata = true;
    }

    /// The metadata as it was sent, which is what a patch is merged with.
    pub(super) fn sent(&self, stored: Json) -> Json {
        sent_document(self.before.as_ref(), METADATA, stored)
    }

    /// Those alterations that the patch has brought.
    pub(super) fn brought(&self, altered: &[Alteration]) -> Vec<Alteration> {
        altered.iter().filter(|mark| !self.left.contains(mark)).cloned().collect()
    }

    /// The marks of the record as the patch leaves it.
    pub(super) fn after(self, altered: Vec<Alteration>, metadata: Option<JsonText>) -> Vec<Alteration> {
        let metadata = metadata.map(|text| text.to_json());
        let is_judged = |mark: &Alteration| {
            self.judges_metadata && mark.what == Altered::Escaped && within_metadata(mark).is_some()
        };
        let stands = |mark: &Alteration| stands(mark, metadata.as_ref());
        let is_kept = |mark: &Alteration| !is_judged(mark) && stands(mark) && !altered.contains(mark);
        let mut marks: Vec<_> = self.left.iter().filter(|mark| is_kept(mark)).cloned().collect();
        marks.extend(altered);
        marks
    }
}

/// The place in the metadata, as a pointer into it, that a mark names.
fn within_metadata(mark: &Alteration) -> Option<&str> {
    let place = mark.pointer.strip_prefix('/')?.strip_prefix(METADATA)?;
    (place.is_empty() || place.starts_with('/')).then_some(place)
}

fn is_whole(mark: &Alteration) -> bool {
    within_metadata(mark) == Some("")
}

/// Whether what was altered is still there: a patch may have put an object where a text or a list was.
fn stands(mark: &Alteration, metadata: Option<&Json>) -> bool {
    match within_metadata(mark) {
        None | Some("") => true,
        Some(place) => matches!(metadata.and_then(|it| it.at(place)), Some(Json::String(_))),
    }
}

/// Whether a patch leaves the value at a path as it is. One of an object reaches into the value that is there.
fn leaves<'p>(patch: &Json, mut path: impl Iterator<Item = &'p str>) -> bool {
    match (patch, path.next()) {
        (Json::Object(members), Some(token)) => match members.iter().find(|(key, _)| is_key_of(token, key)) {
            Some((_, patch)) => leaves(patch, path),
            None => true,
        },
        // Metadata as a whole, of which something may be left.
        (Json::Object(_), None) => true,
        _ => false,
    }
}
