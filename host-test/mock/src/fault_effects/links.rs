//! Links in other forms: in the Link header only, in several headers, without quotes, absolute.

use http::HeaderValue;
use http::header::LINK;
use serde_json::Value;

use super::rows::rows_mut;
use crate::fault::Fault;
use crate::faults::FaultKind;
use crate::reply::Reply;

/// What faults do to the links of a listing.
pub(super) fn altered(reply: Reply, fault: &Fault) -> Reply {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    let base = text(&body, "/_links/base");
    let next = text(&body, "/_links/next");
    let mut reply = reply;
    if fault.kind == FaultKind::AbsoluteLinks {
        make_absolute(&mut body, fault.form, &base);
    } else if let Some(fields) = body.as_object_mut() {
        fields.remove("_links");
        reply.headers.remove(LINK);
        for value in link_headers(fault.form, &base, &next) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.headers.append(LINK, value);
            }
        }
    }
    Reply {
        body: body.to_string().into(),
        ..reply
    }
}

fn text(body: &Value, pointer: &str) -> String {
    let found = body.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

/// The Link headers of a listing, in one of the forms that RFC 8288 allows; none when they are absent.
fn link_headers(form: &str, base: &str, next: &str) -> Vec<String> {
    let links = if next.is_empty() {
        [None, Some((base.to_owned(), "base"))]
    } else {
        [
            Some((next.to_owned(), "next")),
            Some((base.to_owned(), "base")),
        ]
    };
    let links: Vec<(String, &str)> = links.into_iter().flatten().collect();
    let each = |format: &dyn Fn(&str, &str) -> String| -> Vec<String> {
        links.iter().map(|(url, rel)| format(url, rel)).collect()
    };
    let quoted = |url: &str, rel: &str| format!("<{url}>; rel=\"{rel}\"");
    match form {
        "absent" => Vec::new(),
        "two-headers" => {
            let mut headers = each(&quoted);
            headers.reverse();
            headers
        }
        "unquoted" => vec![each(&|url, rel| format!("<{url}>;rel={rel}")).join(",")],
        "other-order" => vec![
            each(&|url, rel| format!("<{url}> ; title=\"a, b; c\" ; REL=\"item {rel}\""))
                .join(" , "),
        ],
        "absolute" => {
            let origin = base.strip_suffix("/wiki").unwrap_or(base);
            let absolute = |url: &str, rel: &str| match rel {
                "next" => quoted(&format!("{origin}{url}"), rel),
                _ => quoted(url, rel),
            };
            vec![each(&absolute).join(", ")]
        }
        _ => vec![each(&quoted).join(", ")],
    }
}

fn make_absolute(body: &mut Value, form: &str, base: &str) {
    if form == "base-slash" {
        if let Some(found) = body.pointer_mut("/_links/base") {
            *found = Value::String(format!("{base}/"));
        }
        return;
    }
    for row in rows_mut(body) {
        if let Some(Value::String(webui)) = row.pointer_mut("/_links/webui") {
            *webui = format!("{base}{webui}");
        }
    }
}
