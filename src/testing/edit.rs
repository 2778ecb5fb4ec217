//! What people do to the site while it is read.

use mock_confluence::Corpus;

/// An edit; a page is given by its index among all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Saved again.
    Save(usize),
    /// Created, in the first space.
    Create,
    /// Trashed, with a version or without.
    Trash(usize, Versioned),
    /// Restored from the trash without a version.
    Restore(usize),
    /// Archived without a version.
    Archive(usize),
    /// Given other labels, with a version or without.
    Relabel(usize, Versioned),
    /// Given another content state.
    State(usize),
    /// Viewed, without a version.
    View(usize),
    /// Moved to the last space without a version.
    Move(usize),
    /// Given another owner without a version.
    ChangeOwner(usize),
    /// Removed for good.
    Purge(usize),
    /// A user gets another name.
    RenameUser(usize),
}

/// Whether an edit makes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioned {
    Yes,
    No,
}

impl Edit {
    fn page(self) -> Option<usize> {
        match self {
            Self::Create | Self::RenameUser(_) => None,
            Self::Save(page)
            | Self::Trash(page, _)
            | Self::Restore(page)
            | Self::Archive(page)
            | Self::Relabel(page, _)
            | Self::State(page)
            | Self::View(page)
            | Self::Move(page)
            | Self::ChangeOwner(page)
            | Self::Purge(page) => Some(page),
        }
    }
}

/// Edits the corpus at this time. Notes pages whose rows changed without a version.
pub(crate) fn apply(edit: Edit, corpus: &mut Corpus, at: &str, unversioned: &mut Vec<String>) {
    let author = corpus.users[0].account_id.clone();
    let Some(index) = edit.page() else {
        if let Edit::RenameUser(user) = edit {
            rename_user(corpus, user, at);
        } else {
            let space = corpus.spaces[0].id.clone();
            corpus.create_page(&space, "New", at, &author);
        }
        return;
    };
    let count = corpus.pages.len().max(1);
    let last_space = corpus.spaces.last().unwrap().id.clone();
    let Some(page) = corpus.pages.get_mut(index % count) else {
        return;
    };
    let (id, trashed) = (page.id.clone(), page.status == "trashed");
    let effect = match edit {
        Edit::Purge(_) => {
            corpus.purge_page(&id).unwrap();
            Effect::Visible
        }
        Edit::Restore(_) if trashed => {
            "current".clone_into(&mut page.status);
            Effect::Silent
        }
        _ if trashed => return,
        Edit::View(_) => {
            page.views = Some(page.views.unwrap_or_default() + 1);
            Effect::Silent
        }
        Edit::Move(_) => {
            page.space_id = last_space;
            (page.parent_id, page.parent_type) = (None, None);
            Effect::Silent
        }
        Edit::ChangeOwner(_) => {
            page.owner_id = Some(author);
            Effect::Silent
        }
        edit => apply_to_live(edit, corpus, &id, at, &author),
    };
    match effect {
        Effect::Visible => unversioned.retain(|known| *known != id),
        Effect::Silent => unversioned.push(id),
        Effect::Listed => {}
    }
}

/// What an incremental run sees of an edit.
enum Effect {
    /// Everything of the page.
    Visible,
    /// Nothing.
    Silent,
    /// The page itself, in the list of archived and trashed ones.
    Listed,
}

/// Edits a page that is not in the trash.
fn apply_to_live(edit: Edit, corpus: &mut Corpus, id: &str, at: &str, author: &str) -> Effect {
    match edit {
        Edit::Archive(_) => {
            let page = corpus.pages.iter_mut().find(|page| page.id == id).unwrap();
            "archived".clone_into(&mut page.status);
            return Effect::Listed;
        }
        Edit::Trash(_, Versioned::Yes) => {
            corpus.trash_page(id, Some(at)).unwrap();
            return Effect::Listed;
        }
        Edit::Trash(_, Versioned::No) => {
            corpus.trash_page(id, None).unwrap();
            return Effect::Listed;
        }
        Edit::Relabel(_, Versioned::No) => {
            corpus.set_labels(id, &["silent"]).unwrap();
            return Effect::Silent;
        }
        Edit::Relabel(_, Versioned::Yes) => {
            corpus.set_labels(id, &["loud", "louder"]).unwrap();
            corpus.edit_page(id, at, author).unwrap();
        }
        Edit::State(_) => {
            corpus.set_state(id, Some("Checked"), at, author).unwrap();
        }
        _ => {
            corpus.edit_page(id, at, author).unwrap();
        }
    }
    Effect::Visible
}

fn rename_user(corpus: &mut Corpus, user: usize, at: &str) {
    let count = corpus.users.len().max(1);
    if let Some(user) = corpus.users.get_mut(user % count) {
        user.display_name = format!("Renamed {at}");
    }
}
