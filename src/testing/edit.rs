//! What people do to the site while it is read.

use mock_confluence::Corpus;

/// An edit; a page is given by its place among all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Saved again.
    Save(usize),
    /// Made, in the first space.
    Create,
    /// Put into the trash, with a version or without.
    Trash(usize, bool),
    /// Archived without a version.
    Archive(usize),
    /// Given other labels, with a version or without.
    Relabel(usize, bool),
    /// Given another content state.
    State(usize),
    /// Removed for good.
    Purge(usize),
}

/// Edits the corpus at this time. Notes pages whose details changed without a version.
pub(crate) fn apply(edit: &Edit, corpus: &mut Corpus, at: &str, unversioned: &mut Vec<String>) {
    let author = corpus.users[0].account_id.clone();
    let count = corpus.pages.len().max(1);
    let (Edit::Save(place)
    | Edit::Trash(place, _)
    | Edit::Archive(place)
    | Edit::Relabel(place, _)
    | Edit::State(place)
    | Edit::Purge(place)) = edit
    else {
        let space = corpus.spaces[0].id.clone();
        corpus.create_page(&space, "New", at, &author);
        return;
    };
    let Some(page) = corpus.pages.get_mut(place % count) else {
        return;
    };
    let (id, trashed) = (page.id.clone(), page.status == "trashed");
    match edit {
        Edit::Purge(_) => corpus.purge_page(&id).unwrap(),
        _ if trashed => {}
        Edit::Archive(_) => "archived".clone_into(&mut page.status),
        Edit::Trash(_, versioned) => corpus.trash_page(&id, versioned.then_some(at)).unwrap(),
        Edit::Relabel(_, false) => {
            corpus.set_labels(&id, &["silent"]).unwrap();
            unversioned.push(id);
        }
        Edit::Relabel(_, true) => {
            corpus.set_labels(&id, &["loud", "louder"]).unwrap();
            corpus.edit_page(&id, at, &author).unwrap();
            unversioned.retain(|known| *known != id);
        }
        Edit::State(_) => {
            corpus.set_state(&id, Some("Checked"), at, &author).unwrap();
            unversioned.retain(|known| *known != id);
        }
        Edit::Save(_) | Edit::Create => {
            corpus.edit_page(&id, at, &author).unwrap();
            unversioned.retain(|known| *known != id);
        }
    }
}
