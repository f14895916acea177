//! One section: its fields with their documentation and defaults, as data and as a struct.

use super::effective::EffectiveSetting;
use super::fault::Faults;
use super::layers::{Entries, Entry};
use super::value::Setting;

/// A field as the sample and the reference show it.
#[derive(Debug)]
pub(super) struct FieldDoc {
    pub(super) name: &'static str,
    pub(super) about: &'static [&'static str],
    pub(super) default: &'static str,
    pub(super) form: &'static str,
    pub(super) quoted: bool,
    pub(super) secret: bool,
}

/// A struct of settings.
pub(super) trait Section: Sized {
    /// Its name in files and in the environment.
    const NAME: &'static str;
    /// What it is about.
    const ABOUT: &'static [&'static str];
    /// Its fields, in order.
    const FIELDS: &'static [FieldDoc];

    /// Reads every field; `None` when one of them is at fault.
    fn read(reader: &mut Reader, faults: &mut Faults) -> Option<Self>;
}

/// Defines a section. The text of a default is read by the same rules as any other value.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident = $section:literal {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl $crate::settings::section::Section for $name {
            const NAME: &'static str = $section;
            const ABOUT: &'static [&'static str] = &[$($about),+];
            const FIELDS: &'static [$crate::settings::section::FieldDoc] = &[
                $($crate::settings::section::FieldDoc {
                    name: stringify!($field),
                    about: &[$($doc),+],
                    default: $default,
                    form: <$type as $crate::settings::value::Setting>::FORM,
                    quoted: <$type as $crate::settings::value::Setting>::QUOTED,
                    secret: <$type as $crate::settings::value::Setting>::SECRET,
                },)+
            ];

            fn read(
                reader: &mut $crate::settings::section::Reader,
                faults: &mut $crate::settings::fault::Faults,
            ) -> Option<Self> {
                $(let $field = reader.field::<$type>($section, stringify!($field), $default, faults);)+
                Some(Self { $($field: $field?,)+ })
            }
        }
    };
}

pub(super) use section;

/// What the sources gave, until the sections have taken it.
#[derive(Debug)]
pub(super) struct Reader {
    entries: Entries,
    effective: Vec<EffectiveSetting>,
}

impl Reader {
    pub(super) const fn new(entries: Entries) -> Self {
        Self { entries, effective: Vec::new() }
    }

    /// Takes one field. What is wrong with it is noted.
    pub(super) fn field<T: Setting>(
        &mut self,
        section: &'static str,
        name: &'static str,
        default: &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        let key = format!("{section}.{name}");
        let Some(Entry { text, origin }) = self.entries.remove(&key) else {
            self.effective.push(EffectiveSetting::new::<T>(key, default, "the defaults"));
            return T::parse(default);
        };
        let Some(text) = text else {
            faults.push(key, format!("must be {}, not a list or a table ({origin})", T::FORM));
            return None;
        };
        self.effective.push(EffectiveSetting::new::<T>(key.clone(), &text, &origin));
        let value = T::parse(&text);
        if value.is_none() {
            let found = if T::SECRET { String::new() } else { format!(", not `{text}`") };
            faults.push(key, format!("must be {}{found} ({origin})", T::FORM));
        }
        value
    }

    /// What was read, in the order of the sections. Taken once.
    pub(super) fn take_effective(&mut self) -> Vec<EffectiveSetting> {
        std::mem::take(&mut self.effective)
    }

    /// Refuses what no section has taken (F20: a typing mistake is never ignored).
    pub(super) fn refuse_unknown(self, faults: &mut Faults) {
        for (key, entry) in self.entries {
            faults.push(
                key,
                format!("is no setting; `datastorage settings --defaults` lists them ({})", entry.origin),
            );
        }
    }
}
