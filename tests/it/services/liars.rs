//! Servers that are none: whoever cuts the connection, talks without end, or says nothing that a protocol has, is believed
//! nothing.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::{ask, is_unknown, password};

/// What is asked about, by the rule that finds it.
fn credentials(place: &str) -> Vec<(String, &'static str, &'static str)> {
    let url = |scheme: &str| format!("URL={scheme}://svc:{}@{place}/", password());
    vec![
        (url("postgres"), "postgres-url", "postgres"),
        (url("mysql"), "mysql-url", "mysql"),
        (url("mongodb"), "mongodb-url", "mongodb"),
        (url("redis"), "redis-url", "redis"),
        (url("amqp"), "amqp-url", "amqp"),
        (url("ldap"), "ldap-url", "ldap"),
        (url("smtp"), "smtp-url", "smtp"),
        (url("nats"), "nats-url", "nats"),
    ]
}

/// A server that sends this to everybody, as often, and hangs up.
fn liar(said: &'static [u8], times: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                for _ in 0..times {
                    if stream.write_all(said).is_err() {
                        return;
                    }
                }
                let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(200)));
                let _ = stream.read(&mut [0; 4096]);
            });
        }
    });
    place
}

#[test]
fn whoever_lies_is_not_believed() {
    let lies: [(&[u8], usize); 6] = [
        (b"", 0),
        (b"\0", 1),
        (b"+OK\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 4096),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16),
    ];
    for (said, times) in lies {
        let place = liar(said, times);
        for (text, rule, key) in credentials(&place) {
            let asked = ask(&text, rule, &[(key, &place)]);
            is_unknown(&asked);
            assert!(!asked.answer.contains("svc"), "{asked:?}");
        }
    }
}

#[test]
fn a_host_that_is_not_listed_is_not_asked() {
    let place = liar(b"", 0);
    for (text, rule, key) in credentials(&place) {
        let asked = ask(&text, rule, &[(key, "db.acme.example")]);
        is_unknown(&asked);
        assert!(asked.host.raw().is_empty(), "{rule}: {asked:?}");
    }
}
