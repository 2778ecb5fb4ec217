//! The catalogue: which streams there are, with their keys, columns, modes and endpoints.

use serde::{Serialize, Serializer};

use crate::api::label::LabelRow;
use crate::api::page::PageRow;
use crate::api::space::SpaceRow;
use crate::api::state::StateRow;
use crate::api::user::UserRow;
use crate::api::version::VersionRow;
use crate::api::view::ViewRow;
use crate::endpoint::Endpoint;
use crate::row::{Column, ColumnKind};

/// A stream of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Spaces.
    Spaces,
    /// Pages, without their bodies.
    Pages,
    /// Versions of pages.
    PageVersions,
    /// Labels of pages.
    PageLabels,
    /// How often pages were viewed.
    PageViews,
    /// Content states of pages.
    PageContentStates,
    /// Users who were met in other rows.
    Users,
}

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every row.
    Full,
    /// What changed since the last finished run.
    Incremental,
}

impl Stream {
    /// All of them, in the order in which they are listed and finished.
    pub const ALL: [Self; 7] = [
        Self::Spaces,
        Self::Pages,
        Self::PageVersions,
        Self::PageLabels,
        Self::PageViews,
        Self::PageContentStates,
        Self::Users,
    ];

    /// The stream of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spaces => "spaces",
            Self::Pages => "pages",
            Self::PageVersions => "page_versions",
            Self::PageLabels => "page_labels",
            Self::PageViews => "page_views",
            Self::PageContentStates => "page_content_states",
            Self::Users => "users",
        }
    }

    /// What a row is, and what an incremental run can't see.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Spaces => "Spaces, current and archived. Always read whole: they are few.",
            Self::Pages => {
                "Pages, current, archived and trashed, without their bodies. Moves, changes of owner, restoring \
                 and unarchiving may make no version: a full run sees them."
            }
            Self::PageVersions => "Versions of current and archived pages.",
            Self::PageLabels => {
                "Labels of current and archived pages. A label makes no version: an incremental run sees those \
                 of pages that changed otherwise."
            }
            Self::PageViews => {
                "Views of current and archived pages. A view makes no version: an incremental run reads the \
                 counts of changed pages alone."
            }
            Self::PageContentStates => {
                "Content states of current and archived pages, a row for each page. Setting or removing one \
                 makes a version."
            }
            Self::Users => {
                "Users whose account ids occur in spaces, pages and versions. An incremental run delivers \
                 those it meets in what changed; accounts that the service doesn't know have no row."
            }
        }
    }

    /// The columns that identify a row.
    #[must_use]
    pub fn primary_key(self) -> &'static [&'static str] {
        match self {
            Self::Spaces | Self::Pages | Self::Users => &["source_id"],
            Self::PageVersions => &["page_id", "number"],
            Self::PageLabels => &["page_id", "source_id"],
            Self::PageViews | Self::PageContentStates => &["page_id"],
        }
    }

    /// The column that an incremental run goes by, where the stream has it.
    #[must_use]
    pub fn cursor_field(self) -> Option<&'static str> {
        match self {
            Self::Pages => Some("updated_at"),
            Self::PageVersions => Some("created_at"),
            _ => None,
        }
    }

    /// How it can be read.
    #[must_use]
    pub fn modes(self) -> &'static [Mode] {
        match self {
            Self::Spaces => &[Mode::Full],
            _ => &[Mode::Full, Mode::Incremental],
        }
    }

    /// Where its rows come from.
    #[must_use]
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::Spaces => Endpoint::Spaces,
            Self::Pages => Endpoint::Pages,
            Self::PageVersions => Endpoint::Versions,
            Self::PageLabels => Endpoint::Labels,
            Self::PageViews => Endpoint::Views,
            Self::PageContentStates => Endpoint::States,
            Self::Users => Endpoint::Users,
        }
    }

    /// Its columns, in the order in which a row holds them.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Spaces => SpaceRow::COLUMNS,
            Self::Pages => PageRow::COLUMNS,
            Self::PageVersions => VersionRow::COLUMNS,
            Self::PageLabels => LabelRow::COLUMNS,
            Self::PageViews => ViewRow::COLUMNS,
            Self::PageContentStates => StateRow::COLUMNS,
            Self::Users => UserRow::COLUMNS,
        }
    }

    /// JSON Schema (draft-07) of one row, as text.
    #[must_use]
    pub fn schema(self) -> String {
        let schema = Schema {
            dialect: "http://json-schema.org/draft-07/schema#",
            kind: "object",
            description: self.description(),
            properties: Properties(self.columns()),
            required: self.primary_key(),
        };
        // Texts and lists of texts always serialize.
        serde_json::to_string(&schema).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Schema {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'static str,
    properties: Properties,
    required: &'static [&'static str],
}

/// The columns by name, in the order of the row.
struct Properties(&'static [Column]);

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let properties = self
            .0
            .iter()
            .map(|column| (column.name, Property::of(column)));
        serializer.collect_map(properties)
    }
}

#[derive(Serialize)]
struct Property {
    #[serde(rename = "type")]
    kind: Kind,
    description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
}

/// The type of a column; all but keys may be null.
#[derive(Serialize)]
#[serde(untagged)]
enum Kind {
    Required(&'static str),
    Nullable([&'static str; 2]),
}

impl Property {
    fn of(column: &Column) -> Self {
        let kind = match column.kind {
            ColumnKind::Text | ColumnKind::Timestamp => "string",
            ColumnKind::Integer => "integer",
            ColumnKind::Boolean => "boolean",
        };
        Self {
            kind: if column.key {
                Kind::Required(kind)
            } else {
                Kind::Nullable([kind, "null"])
            },
            description: column.description,
            format: (column.kind == ColumnKind::Timestamp).then_some("date-time"),
        }
    }
}
