//! Settings while they are read: what the sources gave, and everything that is wrong with it.

use super::effective::EffectiveSetting;
use super::fault::{InvalidSettings, SettingFault};
use super::layers::{Entries, Entry, Sources};
use super::value::Setting;

/// Gathers all faults, so that one start is enough to find them.
pub(super) struct Reading {
    entries: Entries,
    /// Whether the file could be read, so that what it lacks is really not set.
    is_whole: bool,
    effective: Vec<EffectiveSetting>,
    /// Sources and settings that cannot be read.
    faults: Vec<SettingFault>,
    /// Settings that can be read and cannot be used.
    unusable: Vec<SettingFault>,
}

impl Reading {
    pub(super) fn new(sources: &Sources) -> Self {
        let (entries, faults) = sources.entries();
        Self { entries, is_whole: faults.is_empty(), effective: Vec::new(), faults, unusable: Vec::new() }
    }

    /// Reads one setting. Its default stands in for what cannot be read, so that the reading goes on.
    pub(super) fn take<T: Setting>(&mut self, key: &'static str, default: &'static str) -> Option<T> {
        let Entry { text, origin } = self
            .entries
            .remove(key)
            .unwrap_or_else(|| Entry { text: Some(default.to_owned()), origin: "the defaults".to_owned() });
        let value = text.as_deref().and_then(T::parse);
        if value.is_none() {
            let found = match &text {
                None => "a list or a table".to_owned(),
                Some(_) if T::SECRET => "this secret".to_owned(),
                Some(text) => format!("`{text}`"),
            };
            let reason = format!("must be {}, not {found} ({origin})", T::FORM);
            self.faults.push(SettingFault::new(key, reason));
        }
        self.effective.push(EffectiveSetting::new::<T>(key, text.as_deref().unwrap_or_default(), origin));
        value.or_else(|| T::parse(default))
    }

    /// Notes that the setting just read is below the first bound or above the second.
    pub(super) fn check_range<T: Setting + PartialOrd>(&mut self, key: &str, value: &T, bounds: &[&str]) {
        let bound = |place: usize| bounds.get(place).and_then(|text| T::parse(text));
        if bound(0).is_none_or(|low| *value >= low) && bound(1).is_none_or(|high| *value <= high) {
            return;
        }
        let range = match bounds {
            [low, high] => format!("from {low} to {high}"),
            _ => format!("at least {}", bounds.concat()),
        };
        let given = self.effective.last().map(ToString::to_string).unwrap_or_default();
        let reason = format!("must be {range}, not {given}");
        self.faults.push(SettingFault::new(key, reason));
    }

    /// Notes what no section has read: a typing mistake is never ignored (F20).
    pub(super) fn refuse_unknown(&mut self) {
        for (key, entry) in std::mem::take(&mut self.entries) {
            let reason = format!(
                "is not a setting: `datastorage settings --defaults` lists all settings ({})",
                entry.origin
            );
            self.faults.push(SettingFault::new(key, reason));
        }
    }

    /// Notes, when `is_wrong`, that settings cannot be used together, in a sentence that begins with the one to change. Each
    /// one that the sentence names is shown as it was given. When one of them cannot be read, or the file, that is said
    /// already, and the rest may be right.
    pub(super) fn refuse(&mut self, is_wrong: bool, sentence: &str) {
        let is_end_of_name = |c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';');
        let words: Vec<_> = sentence.split(is_end_of_name).collect();
        if !is_wrong || !self.is_whole || self.faults.iter().any(|fault| words.contains(&fault.key.as_str()))
        {
            return;
        }
        let named = self.effective.iter().filter(|setting| words.contains(&setting.name.as_str()));
        let values: Vec<_> = named.map(|setting| format!("{} is {setting}", setting.name)).collect();
        let (key, reason) = sentence.split_once(' ').unwrap_or((sentence, ""));
        self.unusable.push(SettingFault::new(key, format!("{reason}; {}", values.join(", "))));
    }

    /// Tries to do what a section is for, and notes why it cannot be done. Where one of its settings cannot be read, that
    /// is said already.
    pub(super) fn attempt<T>(&mut self, section: &str, attempt: impl FnOnce() -> Result<T, SettingFault>) {
        let is_of_section = |fault: &SettingFault| fault.key.split('.').next() == Some(section);
        if !self.faults.iter().any(is_of_section)
            && let Err(fault) = attempt()
        {
            self.refuse(true, &fault.to_string());
        }
    }

    /// Whether a setting has a value.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.effective.iter().any(|setting| setting.name == key && setting.is_set)
    }

    /// What was read so far.
    pub(super) fn effective(&self) -> Vec<EffectiveSetting> {
        self.effective.clone()
    }

    /// Everything that is wrong, if anything is.
    pub(super) fn into_invalid(self) -> Option<InvalidSettings> {
        let faults = [self.faults, self.unusable].concat();
        (!faults.is_empty()).then_some(InvalidSettings { faults })
    }
}
