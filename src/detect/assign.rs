//! One scan of the operator after a name serves every assignment rule: `name = "value"` in the ways that
//! languages, configuration formats, URLs and command lines write it.

use std::ops::Range;

use super::chunk::Quoting;
use crate::rules::Shape;

/// A value that a name announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Where it is, between its quotes; of a bare value, where it begins: its end is for the pattern to find.
    pub span: Range<usize>,
    /// How it is written.
    pub quoting: Quoting,
    /// Whether it is compared with, not assigned (`==`).
    pub compared: bool,
    /// The quote that opened it, or 0.
    pub quote: u8,
}

/// The longest value that is looked at.
pub(super) const MAX_VALUE: usize = Shape::TOKEN;

/// Operators that give a name its value.
const ASSIGNING: [&[u8]; 8] = [b"=>", b":=", b"->", b"+=", b"?=", b"||=", b"%3D", b"="];
/// Operators before the literal that stands in where a variable is not set: `process.env.KEY || "literal"`.
const DEFAULTING: [&[u8]; 4] = [b"||", b"??", b"?:", b"or "];

/// Reads on from the end of a keyword to the value that its name is given, if there is one within
/// `Shape::GAP` bytes.
pub(super) fn value_after(text: &[u8], keyword_end: usize) -> Option<Value> {
    let limit = (keyword_end + Shape::GAP).min(text.len());
    let mut s = Scan { text: text.get(..limit)?, at: keyword_end };
    s.skip_while(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b == b'-');
    // `name->`: the last hyphen belongs to the arrow.
    if s.peek() == Some(b'>') && s.text.get(s.at - 1) == Some(&b'-') {
        s.at -= 1;
    }
    let name_end = s.at;
    s.skip_while(|b| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b']' | b'[' | b'*' | b')'));
    let closed = s.text.get(name_end..s.at).unwrap_or_default();
    let quoted_name = closed.iter().any(|b| matches!(b, b'"' | b'\'' | b'`'));
    let called = closed.contains(&b')');
    let before_blank = s.at;
    s.blanks();
    let blank = s.at > before_blank;
    let compared = s.operator(quoted_name, called, blank)?;
    s.blanks();
    value_at(text, s.at, compared)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
    }

    fn blanks(&mut self) {
        self.skip_while(|b| b == b' ' || b == b'\t');
    }

    fn eat(&mut self, literal: &[u8]) -> bool {
        let there = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(literal));
        if there {
            self.at += literal.len();
        }
        there
    }

    /// Whether what follows opens a quoted string, an escaped or a prefixed one included.
    fn quote_ahead(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        matches!(
            rest,
            [b'"' | b'\'' | b'`', ..]
                | [b'\\', b'"' | b'\'', ..]
                | [b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'N', b'"' | b'\'', ..]
        )
    }

    /// Consumes the operator; says whether it compares. `None` where there is none.
    fn operator(&mut self, quoted_name: bool, called: bool, blank: bool) -> Option<bool> {
        if self.eat(b"===") || self.eat(b"==") {
            return self.quote_ahead().then_some(true);
        }
        if ASSIGNING.iter().any(|operator| self.eat(operator)) {
            return Some(false);
        }
        if self.eat(b":") {
            // `::` is a path; `:` may be followed by a type and then `=`.
            if self.peek() == Some(b':') {
                return None;
            }
            self.annotation();
            return Some(false);
        }
        if blank && DEFAULTING.iter().any(|operator| self.eat(operator)) {
            return self.quote_ahead().then_some(false);
        }
        if called { None } else { self.juxtaposed(quoted_name, blank).then_some(false) }
    }

    /// Consumes what stands between a name and its value where there is no operator: a comma, a bracket, the end of a
    /// tag, another attribute, or nothing at all.
    fn juxtaposed(&mut self, quoted_name: bool, blank: bool) -> bool {
        match self.peek() {
            // `set("name", "value")`, and `setName("value")`.
            Some(b',') if quoted_name => {
                self.at += 1;
                self.quote_ahead()
            }
            Some(b'(') if !blank => {
                self.at += 1;
                self.quote_ahead()
            }
            // `<name>value</name>`, and `<add key="name" value="…"/>`.
            Some(b'>') if !quoted_name => {
                self.at += 1;
                true
            }
            Some(b'v' | b'V') if quoted_name && blank => {
                let word = self.text.get(self.at..self.at + 5).unwrap_or_default();
                let attribute = word.eq_ignore_ascii_case(b"value");
                self.at += word.len();
                self.blanks();
                attribute && (self.eat(b"=") || self.eat(b":"))
            }
            // `PASSWORD 'x'` (SQL), `--password "x"`, and Go's `password string = "x"`.
            Some(_) if blank && self.quote_ahead() => true,
            Some(b's') if blank && self.eat(b"string") => {
                self.blanks();
                self.eat(b"=")
            }
            _ => false,
        }
    }

    /// Skips `Type =` where a quote follows it: `password: string = "x"`.
    fn annotation(&mut self) {
        let start = self.at;
        self.skip_while(|b| b.is_ascii_alphanumeric() || b" _<>&'?[].|".contains(&b));
        let typed = self.at - start <= 40 && self.peek() == Some(b'=') && {
            self.at += 1;
            self.quote_ahead()
        };
        if !typed {
            self.at = start;
        }
    }
}

/// Reads the openers at `at` and the extent of the value behind them.
fn value_at(text: &[u8], at: usize, compared: bool) -> Option<Value> {
    let rest = text.get(at..)?;
    let wrapped = [&b"String::from("[..], b"Some(", b"string(", b"new String("]
        .into_iter()
        .find_map(|w| rest.strip_prefix(w))
        .unwrap_or(rest);
    let wrapped = match wrapped {
        [b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'N', b'"' | b'\'', ..] => wrapped.get(1..)?,
        _ => wrapped,
    };
    let mut escaped = false;
    let opened = match wrapped {
        [b'\\', b'\\', b'\\', b'"', ..] => {
            escaped = true;
            Some((b'"', 4))
        }
        [b'\\', q @ (b'"' | b'\''), ..] => {
            escaped = true;
            Some((*q, 2))
        }
        [b'"', b'"', b'"', c, ..] if *c != b'"' => Some((b'"', 3)),
        [q @ (b'"' | b'\'' | b'`'), ..] => Some((*q, 1)),
        [b'&', b'q', b'u', b'o', b't', b';', ..] => Some((b'&', 6)),
        _ => None,
    };
    let limit = |start: usize| (start + MAX_VALUE + 2).min(text.len());
    if let Some((quote, skip)) = opened {
        let start = text.len() - wrapped.len() + skip;
        let body = text.get(start..limit(start))?;
        let end = closing(body, quote, escaped)?;
        return Some(Value { span: start..start + end, quoting: Quoting::Quoted, compared, quote });
    }
    let element = text.get(at.checked_sub(1)?) == Some(&b'>');
    let body = text.get(at..limit(at))?;
    if element {
        let end = body.iter().position(|b| matches!(b, b'<' | b'\n'))?;
        let text_node = body.get(end) == Some(&b'<');
        return text_node.then(|| Value { span: at..at + end, quoting: Quoting::Quoted, compared, quote: b'<' });
    }
    Some(Value { span: at..at, quoting: Quoting::Bare, compared, quote: 0 })
}

/// The offset of the closing quote; the value may not go over the end of its line.
fn closing(body: &[u8], quote: u8, escaped: bool) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = memchr::memchr3(quote, b'\\', b'\n', body.get(from..)?).map(|found| from + found) {
        match body.get(at) {
            Some(b'\n') => return None,
            Some(b'\\') if !escaped => from = at + 2,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<(String, Quoting)> {
        let end = text.to_lowercase().find("password").unwrap() + "password".len();
        let found = value_after(text.as_bytes(), end)?;
        let bare = text[found.span.start..].split_whitespace().next().unwrap_or_default();
        let text = if found.quoting == Quoting::Bare { bare } else { &text[found.span] };
        Some((text.to_owned(), found.quoting))
    }

    #[test]
    fn the_value_is_found_however_it_is_assigned() {
        for line in [
            r#"password = "V""#,
            r#"password: "V","#,
            r#""password": "V""#,
            r#"'password' => 'V',"#,
            r#"password := "V""#,
            r#"config["password"] = "V""#,
            r#"let password: &str = "V";"#,
            r#"password: string = "V""#,
            r#"setPassword("V")"#,
            r#"set("password", "V")"#,
            r#"<password>V</password>"#,
            r#"<add key="password" value="V"/>"#,
            r#"IDENTIFIED BY PASSWORD 'V'"#,
            r#"\"password\":\"V\","#,
            r#"my_password_prod = b"V""#,
            r#"var password string = "V""#,
            r#"if password == "V" {"#,
            r#"password = """V""""#,
            r#"char password[] = "V";"#,
            r#"password=String::from("V")"#,
            r#"x = process.env.PASSWORD || "V""#,
            r#"os.environ["PASSWORD"] or "V""#,
            r#"getenv("PASSWORD", "V")"#,
            "**Password**: `V`",
        ] {
            assert_eq!(value(line), Some(("V".to_owned(), Quoting::Quoted)), "{line}");
        }
        for line in ["password=V", "password: V", "PASSWORD=V\n", "password = V\r\nx"] {
            assert_eq!(value(line), Some(("V".to_owned(), Quoting::Bare)), "{line}");
        }
    }

    #[test]
    fn what_assigns_nothing_has_no_value() {
        for line in [
            "password",
            "password is wrong",
            "getPassword()",
            "os.environ[\"PASSWORD\"]",
            "password::new",
            "password != \"x\"",
            "password = \"open",
        ] {
            assert_eq!(value(line), None, "{line}");
        }
    }
}
