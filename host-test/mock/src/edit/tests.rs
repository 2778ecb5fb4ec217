#![allow(clippy::unwrap_used)]
use super::*;
use crate::CorpusSpec;

const AT: &str = "2026-10-02T00:00:00.000Z";

fn corpus() -> (Corpus, String) {
    let corpus = Corpus::generate(&CorpusSpec::default());
    let page = corpus
        .pages
        .iter()
        .find(|page| page.versions.len() > 3)
        .unwrap();
    let id = page.id.clone();
    (corpus, id)
}

#[test]
fn edits_and_states_make_versions_and_labels_do_not() {
    let (mut corpus, id) = corpus();
    let before = corpus.page(&id).unwrap().versions.len();
    corpus.edit_page(&id, AT, "a").unwrap();
    corpus.set_state(&id, None, AT, "a").unwrap();
    corpus.set_labels(&id, &["new", "newer"]).unwrap();
    let page = corpus.page(&id).unwrap();
    assert_eq!(
        (page.versions.len(), page.labels.len(), page.modified_at()),
        (before + 2, 2, AT)
    );
    assert_eq!(page.state.as_ref().unwrap().content_state, None);
}

#[test]
fn deleting_a_version_renumbers_the_later_ones() {
    let (mut corpus, id) = corpus();
    let before = corpus.page(&id).unwrap().versions.clone();
    corpus.delete_version(&id, 2).unwrap();
    let after = &corpus.page(&id).unwrap().versions;
    assert_eq!(
        after.get(1).unwrap().created_at,
        before.get(2).unwrap().created_at
    );
    assert!(
        after
            .iter()
            .map(|version| version.number)
            .eq(1..u32::try_from(before.len()).unwrap())
    );
    assert!(corpus.delete_version(&id, 9_999).is_err());
}

#[test]
fn pages_come_and_go() {
    let (mut corpus, id) = corpus();
    let count = corpus.pages.len();
    let space = corpus.page(&id).unwrap().space_id.clone();
    let made = corpus.create_page(&space, "New", AT, "a");
    corpus.trash_page(&id, None).unwrap();
    corpus
        .trash_page(&made, Some("2026-10-03T00:00:00.000Z"))
        .unwrap();
    assert_eq!(corpus.page(&made).unwrap().versions.len(), 2);
    assert_eq!(corpus.page(&id).unwrap().status, "trashed");
    corpus.purge_page(&made).unwrap();
    assert_eq!(corpus.pages.len(), count);
    assert_eq!(
        corpus.edit_page(&made, AT, "a"),
        Err(NotInCorpus(format!("page {made}")))
    );
    assert_ne!(
        corpus.create_page(&space, "Newer", AT, "a"),
        made,
        "ids are never used twice"
    );
}

#[test]
fn what_makes_no_version_leaves_the_time_alone() {
    let (mut corpus, id) = corpus();
    let before = corpus.page(&id).unwrap().clone();
    let parent = corpus.pages.iter().find(|page| page.id != id).unwrap();
    let (parent, space) = (parent.id.clone(), parent.space_id.clone());
    corpus.move_page_to_space(&id, &space).unwrap();
    corpus.move_page(&id, Some(&parent)).unwrap();
    corpus.change_owner(&id, "new owner").unwrap();
    corpus.view_page(&id, 3).unwrap();
    corpus.add_label(&id, "fresh").unwrap();
    corpus.add_label(&id, "fresh").unwrap();
    corpus.archive_page(&id).unwrap();
    let page = corpus.page(&id).unwrap();
    assert_eq!(page.versions, before.versions);
    assert_eq!(
        (page.parent_id.as_deref(), &page.space_id),
        (Some(parent.as_str()), &space)
    );
    assert_eq!(
        (page.owner_id.as_deref(), &page.last_owner_id),
        (Some("new owner"), &before.owner_id)
    );
    assert_eq!(page.views, Some(before.views.unwrap_or(0) + 3));
    assert_eq!(
        (page.labels.len(), page.status.as_str()),
        (before.labels.len() + 1, "archived")
    );
    corpus.remove_label(&id, "fresh").unwrap();
    corpus.restore_page(&id).unwrap();
    corpus.rename_page(&id, "Another title", AT, "a").unwrap();
    let page = corpus.page(&id).unwrap();
    assert_eq!(
        (&page.labels, page.status.as_str(), page.title.as_str()),
        (&before.labels, "current", "Another title")
    );
    assert_eq!(page.versions.len(), before.versions.len() + 1);
}
