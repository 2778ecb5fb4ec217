//! Pages without rows where the service sends some: an empty list in place of rows would lose them in silence.

/// Empty pages that were empty again before the service is taken to send such pages.
const MAX_CONFIRMED: u32 = 3;

/// The empty pages of one listing.
#[derive(Debug, Default)]
pub struct EmptyPages {
    /// The cursor of the page that is requested again, empty for the first one; none where no page is.
    doubted: Option<String>,
    /// Those whose second answer was empty too.
    confirmed: u32,
}

impl EmptyPages {
    /// Whether the empty page at this cursor is to be requested again. The second answer is believed.
    pub fn is_doubtful(&mut self, cursor: Option<&str>) -> bool {
        let cursor = cursor.unwrap_or_default();
        if self.doubted.as_deref() == Some(cursor) {
            self.confirmed += 1;
            self.doubted = None;
            return false;
        }
        let is_doubtful = self.confirmed < MAX_CONFIRMED;
        self.doubted = is_doubtful.then(|| cursor.to_owned());
        is_doubtful
    }
}
