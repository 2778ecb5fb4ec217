//! Harm to the sink: more than it wants, larger than it wants, and after it refused.

use crate::bindings::dx::connector::sink::{checkpoint, emit, note};
use crate::bindings::dx::connector::types::Batch;

/// Batches of so many rows without an end; of none, too.
pub(crate) fn flood(rows: usize) -> String {
    let batch = batch(vec![format!(r#"{{"filler":"{}"}}"#, "x".repeat(100)); rows]);
    loop {
        if let Err(refusal) = emit(&batch) {
            return refusal;
        }
    }
}

/// One row of so many bytes.
pub(crate) fn giant_row(bytes: usize) -> String {
    answer(emit(&batch(vec!["x".repeat(bytes)])))
}

/// The same MiB so many times in one batch: it costs the guest eight bytes each, the host a MiB each.
///
/// Past the bindings, because in their types a string has one owner.
pub(crate) fn same_row(times: usize) -> String {
    #[repr(C)]
    #[derive(Clone)]
    struct Text(*const u8, usize);
    #[link(wasm_import_module = "dx:connector/sink@0.1.0")]
    unsafe extern "C" {
        #[link_name = "emit"]
        fn raw_emit(
            stream: *const u8,
            stream_bytes: usize,
            replaces: *const Text,
            replaces_count: usize,
            rows: *const Text,
            rows_count: usize,
            answer: *mut [usize; 3],
        );
    }
    let (stream, row) = ("flood", "x".repeat(1 << 20));
    let rows = vec![Text(row.as_ptr(), row.len()); times];
    let mut answer = [0; 3];
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

/// Goes on when it is told to stop.
pub(crate) fn stubborn() -> String {
    let batch = batch(vec!["{}".to_owned()]);
    let mut accepted = 0;
    while emit(&batch).is_ok() {
        accepted += 1;
    }
    note(r#"{"type":"log","level":"info","message":"I go on"}"#);
    let again = answer(emit(&batch));
    format!("{accepted} batches were accepted, then it was {again}")
}

fn batch(rows: Vec<String>) -> Batch {
    Batch {
        stream: "flood".to_owned(),
        replaces: Vec::new(),
        rows,
    }
}

fn answer(result: Result<(), String>) -> String {
    match result {
        Ok(()) => "accepted".to_owned(),
        Err(refusal) => format!("refused: {refusal}"),
    }
}
