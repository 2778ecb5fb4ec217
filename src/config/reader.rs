//! Takes the fields of a JSON object one by one and collects what is wrong with them.

use std::ops::RangeInclusive;

use crate::wire::{Fields, Json, Value};

/// Takes fields out of an object and collects problems, each with the name of its field.
#[derive(Debug, Default)]
pub(super) struct FieldReader<'a> {
    fields: Fields<'a>,
    pub(super) problems: Vec<String>,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(fields: Fields<'a>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// The value of a field; none where it is missing or null.
    pub(super) fn take(&mut self, field: &'static str) -> Option<Json<'a>> {
        let taken = self.fields.take(field);
        taken.filter(|value| !value.is_null())
    }

    pub(super) fn problem(&mut self, field: &str, what: &str) {
        self.problems.push(format!("{field} {what}"));
    }

    /// A text without the blanks around it.
    pub(super) fn text(&mut self, field: &'static str) -> Option<String> {
        let Json::Scalar(Value::Text(text)) = self.take(field)? else {
            self.problem(field, "must be a text");
            return None;
        };
        Some(text.trim().to_owned())
    }

    /// Distinct texts without the blanks around them; `empty` says what to do about an empty list.
    pub(super) fn texts(&mut self, field: &'static str, empty: &str) -> Vec<String> {
        let values = match self.take(field) {
            None => return Vec::new(),
            Some(Json::List(values)) => values.0,
            Some(_) => {
                self.problem(field, "must be a list of texts");
                return Vec::new();
            }
        };
        if values.is_empty() {
            self.problem(field, empty);
        }
        let mut texts = Vec::new();
        for value in values {
            match value.as_text().map(str::trim) {
                Some(text) if texts.iter().any(|known| known == text) => {}
                Some(text) if !text.is_empty() => texts.push(text.to_owned()),
                _ => self.problem(field, "must be a list of texts"),
            }
        }
        texts
    }

    pub(super) fn number(
        &mut self,
        field: &'static str,
        range: &RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(value) = self.take(field) else {
            return default;
        };
        let number = value.as_number().filter(|number| range.contains(number));
        number.unwrap_or_else(|| {
            let (low, high) = (range.start(), range.end());
            let what = format!("must be a whole number from {low} to {high}");
            self.problem(field, &what);
            default
        })
    }

    pub(super) fn boolean(&mut self, field: &'static str, default: bool) -> bool {
        match self.take(field) {
            None => default,
            Some(Json::Scalar(Value::Boolean(value))) => value,
            Some(_) => {
                self.problem(field, "must be true or false");
                default
            }
        }
    }

    /// An object of its own, read by a reader of its own; none where the field is missing.
    pub(super) fn object(&mut self, field: &'static str) -> Option<FieldReader<'a>> {
        let Json::Object(fields) = self.take(field)? else {
            self.problem(field, "must be an object");
            return None;
        };
        Some(FieldReader::new(fields))
    }

    /// Takes over the problems of the object `field`, once all its fields were taken.
    pub(super) fn absorb(&mut self, field: &str, mut inner: FieldReader<'_>) {
        inner.refuse_unknown();
        let problems = inner.problems.into_iter();
        self.problems
            .extend(problems.map(|problem| format!("{field}.{problem}")));
    }

    /// Reports fields that nobody took.
    pub(super) fn refuse_unknown(&mut self) {
        for (field, _) in std::mem::take(&mut self.fields).0 {
            let field: String = field.chars().filter(|c| !c.is_control()).take(40).collect();
            self.problem(&field, "is not a field of the configuration");
        }
    }
}
