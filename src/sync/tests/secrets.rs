//! A server that sends the credentials back.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::testing::{Event, small_site};
use crate::validate::validate;

const TOKEN: &str = "ATATT3xSecret+with/signs=1234";

#[test]
fn credentials_sent_back_are_never_shown() {
    let pair = STANDARD.encode(format!("reader@example.com:{TOKEN}"));
    let padding = "x".repeat(100);
    for echo in [
        TOKEN,
        pair.as_str(),
        &format!("{padding}{TOKEN}"),
        &format!("{padding}{pair}"),
    ] {
        let escaped = echo.replace('/', "\\/").replace('+', "\\u002b");
        for (status, body) in [200, 302, 400, 401, 403, 404, 408, 410, 418, 429, 500, 503]
            .into_iter()
            .flat_map(|status| {
                [
                    json!({"errors": [{"title": echo, "detail": echo}]}).to_string(),
                    json!({"message": echo}).to_string(),
                    json!({"errorMessages": [echo]}).to_string(),
                    json!({"results": [{"id": {"echo": echo}}]}).to_string(),
                    format!("{{\"message\":\"{escaped}\"}}"),
                    format!("Authorization: Basic {echo}"),
                    format!("<html>{echo}</html>"),
                ]
                .map(|body| (status, body))
            })
        {
            let simulation = Simulation::new(small_site(1, 1), 0);
            let location = format!(
                "https://{}.example/{echo}",
                echo.replace(['+', '/', '='], "-")
            );
            simulation.respond_with(
                status,
                &[("location", &location), ("x-failure-category", echo)],
                &body,
            );
            let recorder = Recorder::new(&simulation);
            let config = json!({ "api_token": TOKEN });
            let error = read(
                &simulation,
                &recorder,
                config.clone(),
                &every_stream(Mode::Full),
            )
            .unwrap_err();
            let validation = simulation.run(validate(&simulation, &parsed(&simulation, config)));
            let mut shown = format!("{error:?} {validation:?}");
            for (_, event) in simulation.take_log() {
                if !matches!(event, Event::Sent(_)) {
                    write!(shown, "{event:?}").unwrap();
                }
            }
            for secret in [&TOKEN[..16], &pair[10..30]] {
                assert!(!shown.contains(secret), "{status} {body}: {shown}");
            }
        }
    }
}
