//! Attacks on the sink: more than it takes, larger than it takes, and after it refused.

use crate::bindings::dx::connector::sink::{SinkError, checkpoint, emit, note};
use crate::bindings::dx::connector::types::Batch;

/// Rows of a batch that the host takes at most.
const MOST_ROWS: usize = 10_000;

/// Batches of so many rows without an end; of none, too.
pub(crate) fn flood(rows: usize) -> String {
    let row = format!(r#"{{"id":"1","name":"{}"}}"#, "x".repeat(100));
    endless(&batch("items", &[], &vec![row.as_str(); rows]))
}

/// One batch of so many empty objects.
pub(crate) fn empty_rows(rows: usize) -> String {
    answer(emit(&batch("items", &[], &vec!["{}"; rows])))
}

/// Batches of so many rows that are what they should be, without an end.
pub(crate) fn many_rows(rows: usize) -> String {
    endless(&batch("items", &[], &vec![r#"{"id":"1"}"#; rows]))
}

/// Batches of as many rows as the host takes, of so many bytes each, without an end.
pub(crate) fn long_rows(bytes: usize) -> String {
    let row = format!(r#"{{"id":"1","name":"{}"}}"#, "x".repeat(bytes));
    endless(&batch("items", &[], &vec![row.as_str(); MOST_ROWS]))
}

/// Batches of one row with a list of so many values, each two bytes here and many more where it is parsed.
pub(crate) fn many_values(values: usize) -> String {
    let list = "0,".repeat(values);
    let row = format!(r#"{{"id":"1","data":[{list}0]}}"#);
    endless(&batch("items", &[], &[&row]))
}

/// One batch of so many partial keys.
pub(crate) fn many_replaces(keys: usize) -> String {
    answer(emit(&batch("items", &vec![r#"{"id":"1"}"#; keys], &[])))
}

fn endless(batch: &Batch) -> String {
    loop {
        if let Err(refusal) = emit(batch) {
            return answer(Err(refusal));
        }
    }
}

/// One row of so many bytes.
pub(crate) fn giant_row(bytes: usize) -> String {
    answer(emit(&batch("items", &[], &[&"x".repeat(bytes)])))
}

/// The same MiB so many times in one batch: it costs the guest eight bytes each, the host a MiB each.
///
/// Past the bindings, because in their types a string has one owner.
pub(crate) fn same_row(times: usize) -> String {
    #[repr(C)]
    #[derive(Clone)]
    struct Text(*const u8, usize);
    #[link(wasm_import_module = "dx:connector/sink@0.2.0")]
    unsafe extern "C" {
        #[link_name = "emit"]
        fn raw_emit(
            stream: *const u8,
            stream_bytes: usize,
            replaces: *const Text,
            replaces_count: usize,
            rows: *const Text,
            rows_count: usize,
            answer: *mut [usize; 4],
        );
    }
    let (stream, row) = ("items", "x".repeat(1 << 20));
    let rows = vec![Text(row.as_ptr(), row.len()); times];
    let mut answer = [0; 4];
    // SAFETY: this is how the component model lowers `emit`; all that is pointed to outlives the call.
    unsafe {
        raw_emit(
            stream.as_ptr(),
            stream.len(),
            std::ptr::dangling(),
            0,
            rows.as_ptr(),
            rows.len(),
            &raw mut answer,
        );
    }
    format!("the host took {times} MiB")
}

/// A state of so many bytes.
pub(crate) fn state(bytes: usize) -> String {
    answer(checkpoint(&"x".repeat(bytes)))
}

/// Lines for a person without an end, of so many bytes each.
pub(crate) fn notes(bytes: usize) -> String {
    let line = "x".repeat(bytes);
    let line = format!(r#"{{"type":"log","level":"info","message":"{line}"}}"#);
    loop {
        note(&line);
    }
}

/// So many notes of progress in streams that there are none of, with names of so many bytes.
pub(crate) fn progress_names(count: usize, bytes: usize) -> String {
    let name = "s".repeat(bytes);
    for stream in 0..count {
        note(&format!(
            r#"{{"type":"progress","stream":"{name}{stream}","done":1,"total":2}}"#
        ));
    }
    format!("the host took {count} names")
}

/// Waits without an end, each so long that two of them overflow.
pub(crate) fn waits() -> String {
    let wait = format!(r#"{{"type":"wait","ms":{},"reason":"none"}}"#, u64::MAX);
    loop {
        note(&wait);
    }
}

/// A line that would clear a terminal and forge another line.
pub(crate) fn escaping_note() -> String {
    note(r#"{"type":"log","level":"info","message":"\u001b[2J\u202e\nforged"}"#);
    note(r#"{"type":"gone","page_id":"1\u001b]0;title\u0007"}"#);
    answer(checkpoint("{}"))
}

/// Waits whose sum overflows.
pub(crate) fn endless_wait() -> String {
    for _ in 0..3 {
        note(&format!(
            r#"{{"type":"wait","ms":{},"reason":"none"}}"#,
            u64::MAX
        ));
    }
    answer(checkpoint("{}"))
}

/// Goes on when it is told to stop.
pub(crate) fn after_refusal() -> String {
    let batch = batch("items", &[], &[r#"{"id":"1"}"#]);
    let mut accepted = 0;
    while emit(&batch).is_ok() && checkpoint("{}").is_ok() {
        accepted += 1;
    }
    note(r#"{"type":"log","level":"info","message":"I go on"}"#);
    let again = answer(emit(&batch));
    format!("{accepted} batches were accepted, then it was {again}")
}

pub(crate) fn batch(stream: &str, replaces: &[&str], rows: &[&str]) -> Batch {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Batch {
        stream: stream.to_owned(),
        replaces: owned(replaces),
        rows: owned(rows),
    }
}

pub(crate) fn answer(result: Result<(), SinkError>) -> String {
    match result {
        Ok(()) => "accepted".to_owned(),
        Err(SinkError::Cancelled) => "cancelled".to_owned(),
        Err(SinkError::Failed(why)) => format!("refused: {why}"),
    }
}
