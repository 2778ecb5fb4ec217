#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

#[test]
fn unknown_fields_are_ignored_and_missing_ones_are_empty() {
    let corpus: Corpus = serde_json::from_str(
        r#"{"site":"https://x","cloudId":"c","more":1,"pages":[{"id":"1","odd":true,"versions":[{"number":1,"createdAt":"2026-01-01T00:00:00.000Z"}]}]}"#,
    )
    .unwrap();
    assert_eq!(corpus.pages[0].modified_at(), "2026-01-01T00:00:00.000Z");
    assert_eq!((corpus.pages[0].views, corpus.users.len()), (None, 0));
}

#[test]
fn a_corpus_survives_being_written_and_read() {
    let corpus = Corpus::generate(&crate::CorpusSpec::default());
    let text = serde_json::to_string(&corpus).unwrap();
    assert_eq!(serde_json::from_str::<Corpus>(&text).unwrap(), corpus);
}
