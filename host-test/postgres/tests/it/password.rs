//! A server that asks for the password in the clear and repeats it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use connector_postgres::{Address, Postgres, PostgresOptions};

/// When the server says it.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Authentication,
    Statement,
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// An error with these words, in the message, the detail, the hint and the code.
fn error(words: &str) -> Vec<u8> {
    let words = words.replace('\0', "");
    let body = format!("SERROR\0VERROR\0C{words}\0Mit said {words}\0D{words}\0Htry {words}\0\0");
    message(b'E', body.as_bytes())
}

/// Reads a message of the client, whose body it returns; the first one has no kind.
fn read(stream: &mut TcpStream, has_kind: bool) -> Option<Vec<u8>> {
    let mut head = vec![0; if has_kind { 5 } else { 4 }];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn serve(mut stream: TcpStream, when: When, after: &str) -> Option<()> {
    read(&mut stream, false)?;
    stream.write_all(&message(b'R', &[0, 0, 0, 3])).ok()?;
    let password = String::from_utf8(read(&mut stream, true)?).unwrap();
    let error = error(&format!("{password}{after}"));
    if when == When::Statement {
        stream.write_all(&message(b'R', &[0, 0, 0, 0])).ok()?;
        stream.write_all(&message(b'Z', b"I")).ok()?;
        read(&mut stream, true)?;
    }
    stream.write_all(&error).ok()?;
    stream.write_all(&message(b'Z', b"I")).ok()?;
    read(&mut stream, true).map(drop)
}

/// What a run says of such a server, with this password in its address, and what a connection that is not of a run says.
fn said(password: &str, when: When, after: &'static str) -> [String; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, when, after));
        }
    });
    let url = format!("postgres://u:{password}@127.0.0.1:{port}/d");
    let address = Address::parse(&url).unwrap();
    let opened = Postgres::open(&address, "shop", &[], PostgresOptions::new("s"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let connected = runtime.block_on(address.connect());
    let connected = connected.err().map(|error| format!("{error:#}"));
    [
        format!("{:#}", opened.unwrap_err()),
        connected.unwrap_or_default(),
    ]
}

#[test]
fn the_password_is_not_repeated_whatever_the_server_says() {
    for when in [When::Authentication, When::Statement] {
        for (given, meant) in [
            ("Hidd3nPassw0rd", "Hidd3nPassw0rd"),
            ("p%40ss%2f1", "p@ss/1"),
        ] {
            for words in said(given, when, "") {
                assert!(!words.contains(given) && !words.contains(meant), "{words}");
            }
            let [words, _] = said(given, when, "");
            assert!(words.contains("it said …; try … (SQLSTATE …)"), "{words}");
        }
    }
}

#[test]
fn what_a_server_says_is_shown_in_part_and_moves_no_cursor() {
    let [words, _] = said("Hidd3nPassw0rd", When::Statement, "\u{1b}[31m\u{202e}\n");
    assert!(
        words.contains(r"it said …\u{1b}[31m\u{202e}\n; try"),
        "{words}"
    );
    let long: &str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    for words in said("Hidd3nPassw0rd", When::Authentication, long) {
        assert!(words.len() < 20_000, "{} bytes", words.len());
        assert!(words.contains("it said …xxx"), "{words}");
    }
}
