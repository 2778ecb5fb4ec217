//! The catalogue: which streams there are, with their keys, columns, modes and endpoints.

use crate::api::Endpoint;
use crate::json::Object;

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

/// A column of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// What it means.
    pub description: &'static str,
}

/// What a column holds. Only the columns of the primary key are never null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text, ids among it.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// RFC 3339, UTC, as received.
    Timestamp,
}

const fn text(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: ColumnKind::Text,
        description,
    }
}

const fn integer(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: ColumnKind::Integer,
        description,
    }
}

const fn boolean(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: ColumnKind::Boolean,
        description,
    }
}

const fn timestamp(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: ColumnKind::Timestamp,
        description,
    }
}

const SPACES: &[Column] = &[
    text("source_id", "Id of the space"),
    text("external_key", "Key of the space, as in its address"),
    text("name", "Name"),
    text(
        "space_type",
        "global, personal, collaboration, knowledge_base and others",
    ),
    text("status", "current or archived"),
    text("author_id", "Account id of who created it"),
    text("source_url", "Address for a browser"),
    timestamp("created_at", "When it was created"),
    text("homepage_id", "Id of its home page"),
];

const PAGES: &[Column] = &[
    text("source_id", "Id of the page"),
    text("title", "Title"),
    integer("position", "Place among its siblings"),
    text("status", "current, archived or trashed"),
    text("space_id", "Id of its space"),
    text("parent_id", "Id of its parent, which may be no page"),
    text("parent_type", "page, folder, whiteboard, database or embed"),
    text("subtype", "live for a live doc"),
    text("author_id", "Account id of who created it"),
    text("owner_id", "Account id of its owner"),
    text("last_owner_id", "Account id of its previous owner"),
    text("source_url", "Address for a browser"),
    timestamp("created_at", "When it was created"),
    timestamp("updated_at", "When its last version was made"),
    integer("version_number", "Number of its last version"),
];

const VERSIONS: &[Column] = &[
    text("page_id", "Id of the page"),
    integer(
        "number",
        "Position among the versions: deleting one renumbers the later ones",
    ),
    text("message", "What its author said of it"),
    text("author_id", "Account id of its author"),
    boolean("minor_edit", "Whether its author called it minor"),
    timestamp("created_at", "When it was made"),
];

const LABELS: &[Column] = &[
    text("source_id", "Id of the label"),
    text("page_id", "Id of the page"),
    text("name", "Name"),
    text("prefix", "global, my, team or system"),
];

const VIEWS: &[Column] = &[
    text("page_id", "Id of the page"),
    integer(
        "views_count",
        "Views since the page exists; null where the count can't be had, never 0 for that",
    ),
];

const STATES: &[Column] = &[
    text("page_id", "Id of the page"),
    text(
        "content_state_name",
        "Name of the state; null where the page has none",
    ),
    text("content_state_color", "Colour, as #rrggbb"),
    timestamp("updated_at", "When the state was last set or removed"),
];

const USERS: &[Column] = &[
    text("source_id", "Account id"),
    text("name", "Display name, or the public one"),
    text("email", "E-mail address; null where the profile hides it"),
    text("account_type", "atlassian, app or customer"),
    text("account_status", "active, inactive or closed"),
];

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
            Self::Spaces => SPACES,
            Self::Pages => PAGES,
            Self::PageVersions => VERSIONS,
            Self::PageLabels => LABELS,
            Self::PageViews => VIEWS,
            Self::PageContentStates => STATES,
            Self::Users => USERS,
        }
    }

    /// JSON Schema of one row, as text.
    #[must_use]
    pub fn schema(self) -> String {
        let keys = self.primary_key();
        let properties = self
            .columns()
            .iter()
            .fold(Object::default(), |all, column| {
                let nullable = !keys.contains(&column.name);
                all.raw(column.name, &column.property(nullable))
            });
        Object::with("$schema", "http://json-schema.org/draft-07/schema#")
            .text("type", Some("object"))
            .text("description", Some(self.description()))
            .raw("properties", &properties.end())
            .texts("required", keys.iter().copied())
            .end()
    }
}

impl Column {
    fn property(&self, nullable: bool) -> String {
        let kind = match self.kind {
            ColumnKind::Text | ColumnKind::Timestamp => "string",
            ColumnKind::Integer => "integer",
            ColumnKind::Boolean => "boolean",
        };
        let property = if nullable {
            Object::default().texts("type", [kind, "null"].into_iter())
        } else {
            Object::with("type", kind)
        };
        let property = property.text("description", Some(self.description));
        if self.kind == ColumnKind::Timestamp {
            property.text("format", Some("date-time")).end()
        } else {
            property.end()
        }
    }
}
