//! Texts in the languages that are spoken: messages of [Fluent](https://projectfluent.org) in `panel/locales`, and
//! amounts, dates and lists as each language writes them.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use hostmeter_core::money::Money;
use jiff::{Timestamp, tz::TimeZone};
use std::fmt;
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

/// A language that texts are there in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

/// A word that names no language of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no language that texts are there in; use \"en\" or \"ru\"")]
pub struct LanguageError;

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::Ru];

    /// Its code (ISO 639-1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
        }
    }

    /// The language of a code.
    pub fn parse(code: &str) -> Result<Self, LanguageError> {
        Self::ALL.into_iter().find(|l| l.as_str() == code).ok_or(LanguageError)
    }

    /// For plurals; both codes are well formed.
    fn id(self) -> LanguageIdentifier {
        self.as_str().parse().unwrap_or_default()
    }

    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::En => &[include_str!("../locales/en/notices.ftl")],
            Self::Ru => &[include_str!("../locales/ru/notices.ftl")],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type Bundle = FluentBundle<FluentResource>;

static EN: LazyLock<Bundle> = LazyLock::new(|| load(Language::En));
static RU: LazyLock<Bundle> = LazyLock::new(|| load(Language::Ru));

/// What cannot be read of a file is left out; a test holds that everything can.
fn load(language: Language) -> Bundle {
    let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
    // The marks that keep a name apart from text of the other direction show up in mails; neither language needs them.
    bundle.set_use_isolating(false);
    for file in language.files() {
        let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(part, _)| part);
        // What is there twice: the first stays.
        let _twice = bundle.add_resource(resource);
    }
    bundle
}

/// A value for a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text that stands as it is.
    Text(&'a str),
    /// A number that the language's plural goes by.
    Number(i64),
}

/// The text of a message, or of its attribute where `id` is `message.attribute`. `None`: there is no such text, or a
/// value that it needs is missing.
pub fn text(language: Language, id: &str, values: &[(&str, Value<'_>)]) -> Option<String> {
    let bundle = match language {
        Language::En => &*EN,
        Language::Ru => &*RU,
    };
    let mut args = FluentArgs::with_capacity(values.len());
    for (name, value) in values {
        let value = match value {
            Value::Text(text) => FluentValue::from(*text),
            Value::Number(number) => FluentValue::from(*number),
        };
        args.set((*name).to_owned(), value);
    }
    let (message, attribute) = id.split_once('.').map_or((id, None), |(m, a)| (m, Some(a)));
    let message = bundle.get_message(message)?;
    let pattern = match attribute {
        Some(name) => message.get_attribute(name)?.value(),
        None => message.value()?,
    };
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

/// `29 November 2026, 20:07 (Europe/Riga)`. An unknown zone becomes UTC.
pub fn date(language: Language, ms: i64, zone: &str) -> String {
    let (zone, name) = match TimeZone::get(zone) {
        Ok(tz) => (tz, zone),
        Err(_) => (TimeZone::UTC, "UTC"),
    };
    let Ok(at) = Timestamp::from_millisecond(ms) else { return "–".to_owned() };
    let at = at.to_zoned(zone);
    let (day, year) = (at.day().to_string(), at.year().to_string());
    let month = text(language, &format!("month-{}", at.month()), &[]).unwrap_or_default();
    let time = at.strftime("%H:%M").to_string();
    let values = [("day", &day), ("month", &month), ("year", &year), ("time", &time)];
    let mut values = values.map(|(name, value)| (name, Value::Text(value))).to_vec();
    values.push(("zone", Value::Text(name)));
    text(language, "date", &values).unwrap_or_default()
}

/// `-1,234.50 EUR`, in Russian `-1 234,50 EUR`. Two digits, rounded half to even; all six where two would hide that
/// it is not zero.
pub fn amount(language: Language, amount: Money, currency: &str) -> String {
    let rounded = amount.rounded(2);
    let hides = !amount.is_zero() && rounded.bytes().all(|b| matches!(b, b'0' | b'.' | b'-'));
    let plain = if hides { amount.to_string() } else { rounded };
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "00"));
    let (group, point) = match language {
        Language::En => (",", "."),
        Language::Ru => ("\u{a0}", ","),
    };
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && whole.len().saturating_sub(i) % 3 == 0 {
            out.push_str(group);
        }
        out.push(digit);
    }
    format!("{out}{point}{part}\u{a0}{currency}")
}

#[cfg(test)]
mod tests;
