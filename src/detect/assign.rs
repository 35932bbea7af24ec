//! One scan of the operator after a name serves every assignment rule: `name = "value"` in the ways that
//! languages, configuration formats, URLs and command lines write it. `pairing` reads names that stand in a field of
//! their own, `value` the value itself.

use std::ops::Range;

use super::{names, pairing, value};
use crate::rules::Shape;

pub(super) use value::{Form, Value, others};

/// Operators that give a name its value.
const ASSIGNING: [&[u8]; 9] = [b"=>", b":=", b"->", b"<-", b"+=", b"?=", b"||=", b"%3D", b"="];
/// Operators before the literal that stands in where a variable is not set: `process.env.KEY || "literal"`.
const DEFAULTING: [&[u8]; 4] = [b"||", b"??", b"?:", b"or "];
/// Words between a name and its quoted value in prose and statements: "set `NAME` to `value`".
const LINKING: [&[u8]; 4] = [b"to ", b"is ", b"as ", b"by "];
/// Words before a name that is followed by its bare value.
const DECLARING: &str = "ENV ARG setenv setx set -x -gx -Ux";
/// Reads on from a keyword to the value that its name is given, if there is one within `Shape::GAP` bytes, or within
/// `pairing::REACH` where name and value are fields of one object.
pub(super) fn value_after(text: &[u8], hit: Range<usize>) -> Option<Value> {
    let limit = (hit.end + Shape::GAP).min(text.len());
    let mut s = Scan { text: text.get(..limit)?, at: hit.end, hit: hit.clone() };
    s.name();
    let name_end = s.at;
    s.skip_while(|b| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b']' | b'[' | b'*' | b')'));
    let closed = s.text.get(name_end..s.at).unwrap_or_default();
    let quoted_name = closed.iter().any(|b| matches!(b, b'"' | b'\'' | b'`'));
    let called = closed.contains(&b')');
    if let Some(at) = pairing::value(text, hit, s.at) {
        return value::at(text, at, Form::Assigned);
    }
    let before_blank = s.at;
    s.blanks();
    let blank = s.at > before_blank;
    let form = s.operator(quoted_name, called, blank)?;
    s.blanks();
    value::at(text, s.at, form)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// The keyword.
    hit: Range<usize>,
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

    /// Goes to the end of the name.
    fn name(&mut self) {
        // The sign that ends a keyword (`"pwd"`, `_pw=`) is no part of the name.
        while self.at > self.hit.start && self.text.get(self.at - 1).is_some_and(|b| b"\"'=: \\".contains(b)) {
            self.at -= 1;
        }
        self.skip_while(names::is_part);
        // `name->`: the last hyphen belongs to the arrow.
        if self.peek() == Some(b'>') && self.text.get(self.at - 1) == Some(&b'-') {
            self.at -= 1;
        }
        // `Secret key: …`, in prose.
        if self.text.get(self.at..self.at + 4).is_some_and(|w| w.eq_ignore_ascii_case(b" key"))
            && self.text.get(self.at + 4).is_some_and(|b| b" :=|*`".contains(b))
        {
            self.at += 4;
        }
    }

    /// A few bytes before the name that the keyword stands in.
    fn before(&self) -> &[u8] {
        let start = names::start(self.text, self.hit.start);
        self.text.get(start.saturating_sub(Shape::NAME)..start).unwrap_or_default()
    }

    /// The name that the keyword stands in.
    fn whole_name(&self) -> &[u8] {
        self.text.get(names::around(self.text, self.hit.clone())).unwrap_or_default()
    }

    /// Whether what follows opens a quoted string, an escaped, a prefixed or a converted one included.
    fn quote_ahead(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let rest = rest.get(value::conversion(rest)..).unwrap_or_default();
        matches!(
            rest,
            [b'"' | b'\'' | b'`', ..]
                | [b'\\', b'"' | b'\'', ..]
                | [b'b' | b'r' | b'u' | b'N' | b'@', b'"' | b'\'', ..]
        )
    }

    /// Consumes the operator; `None` where there is none.
    fn operator(&mut self, quoted_name: bool, called: bool, blank: bool) -> Option<Form> {
        if [&b"==="[..], b"==", b"!==", b"!="].into_iter().any(|operator| self.eat(operator)) {
            return self.quote_ahead().then_some(Form::Compared);
        }
        if self.peek() == Some(b':') && !self.text.get(self.at..)?.starts_with(b":=") {
            return self.colon().then_some(Form::Assigned);
        }
        // Most names are followed by none: the first byte says so.
        let first = self.peek()?;
        if b"=:-<+?|%".contains(&first) && ASSIGNING.iter().any(|operator| self.eat(operator)) {
            return Some(Form::Assigned);
        }
        if blank && b"|?o".contains(&first) && DEFAULTING.iter().any(|operator| self.eat(operator)) {
            return self.quote_ahead().then_some(Form::Assigned);
        }
        // `setName("value")`
        if !called && !blank && self.eat(b"(") {
            return self.quote_ahead().then_some(Form::Called);
        }
        let listed = self.peek() == Some(b',') && self.opener().is_none_or(|opener| opener.last() != Some(&b'('));
        let form = if listed { Form::Beside } else { Form::Assigned };
        if called { None } else { self.juxtaposed(quoted_name, blank).then_some(form) }
    }

    /// Consumes `:`, what a type says behind it, or the `:-` of a default.
    fn colon(&mut self) -> bool {
        let before = self.before();
        let joined = self.at.checked_sub(1).and_then(|i| self.text.get(i)).is_some_and(|b| names::is_part(*b));
        let part_of_path = match before.last() {
            // `arn:aws:secretsmanager:eu-west-1:1:secret:name`, `"AWS::Service::ApiKey": …`
            Some(b':') => joined || before.ends_with(b"::"),
            // `src/token.rs:191`
            Some(b'/' | b'\\') => self.whole_name().contains(&b'.'),
            _ => false,
        };
        let expanded = before.ends_with(b"${");
        self.at += 1;
        match self.peek() {
            // `::` is a path, and behind `:?` stands the message of a variable that is not set.
            Some(b':' | b'?') => false,
            Some(b'-') if expanded => self.eat(b"-"),
            _ => {
                self.annotation();
                !part_of_path
            }
        }
    }

    /// Consumes what stands between a name and its value where there is no operator: a comma, a bracket, the end of a
    /// tag, the border of a table's cell, a word, or nothing at all.
    fn juxtaposed(&mut self, quoted_name: bool, blank: bool) -> bool {
        match self.peek() {
            // `set("name", "value")`
            Some(b',') if quoted_name => {
                self.at += 1;
                self.quote_ahead() && !self.is_asked_for()
            }
            Some(b'>') if !quoted_name => {
                self.at += 1;
                self.is_element()
            }
            Some(b'|') if blank || quoted_name => {
                self.at += 1;
                self.is_cell()
            }
            // `PASSWORD 'x'` (SQL), `--password "x"`, and Go's `password string = "x"`.
            Some(_) if blank && self.quote_ahead() => true,
            Some(b's') if blank && self.eat(b"string") => {
                self.blanks();
                self.eat(b"=")
            }
            Some(b't' | b'i' | b'a' | b'b' | b'T' | b'B') if blank && LINKING.iter().any(|w| self.eat_word(w)) => {
                self.quote_ahead()
            }
            // `<password type="plain">value</password>`
            Some(b'a'..=b'z') if blank && self.is_element() => self.end_of_tag(),
            Some(b) if blank && !b.is_ascii_whitespace() && b != b'-' => self.is_declared(),
            _ => false,
        }
    }

    fn eat_word(&mut self, word: &[u8]) -> bool {
        let there = self.text.get(self.at..self.at + word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
        if there {
            self.at += word.len();
        }
        there
    }

    /// Goes behind the `>` of the tag that the name opened.
    fn end_of_tag(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|b| matches!(b, b'>' | b'<' | b'\n'));
        self.at += end.map_or(0, |end| end + 1);
        end.is_some_and(|end| rest.get(end) == Some(&b'>') && rest.get(end.wrapping_sub(1)) != Some(&b'/'))
    }

    /// Whether the name opens an element (`<name>`, `<ns:name>`), and no group of a pattern (`(?P<name>`).
    fn is_element(&self) -> bool {
        let before = self.before();
        !matches!(before, [.., b'?', b'<'] | [.., b'?', b'P', b'<']) && before.ends_with(b"<")
            || before.ends_with(b":") && !before.ends_with(b"::")
    }

    /// What stands before the quote that opens the name.
    fn opener(&self) -> Option<&[u8]> {
        let before = self.before().trim_ascii_end();
        before.strip_suffix(b"\"").or(before.strip_suffix(b"'"))
    }

    /// Whether a name that is followed by a comma is what a function about secrets is asked for:
    /// `checkPassword("password", "…")`.
    fn is_asked_for(&self) -> bool {
        let Some(callee) = self.opener().and_then(|opener| opener.strip_suffix(b"(")) else { return false };
        let from = callee.iter().rev().take_while(|b| names::is_part(**b)).count();
        let callee = names::words(callee.get(callee.len() - from..).unwrap_or_default());
        callee.len() > 1 && callee.last().is_some_and(|last| names::ends_as_secret(last))
    }

    /// Whether the next cell of a table's row stands here: the row began with a border, and another one follows.
    fn is_cell(&self) -> bool {
        let before = self.before();
        let row = before.rsplit(|b| *b == b'\n').next().unwrap_or_default().trim_ascii_start();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        row.starts_with(b"|") && rest.starts_with(b" ") && rest.get(..end).is_some_and(|row| row.contains(&b'|'))
    }

    /// Whether a bare value follows the name without an operator: after an option, or where a word declares it.
    fn is_declared(&self) -> bool {
        let start = names::start(self.text, self.hit.start);
        let name = self.text.get(start..self.hit.end).unwrap_or_default();
        // Behind more than one blank stands what a help text says about an option.
        let option = matches!(name, [b'-', b'-' | b'a'..=b'z' | b'A'..=b'Z', _, _, ..]);
        let near = self.at.checked_sub(2).and_then(|i| self.text.get(i)).is_some_and(|b| !b.is_ascii_whitespace());
        if option && near || name.eq_ignore_ascii_case(b"identified by") {
            return true;
        }
        // How the words end and begin, cheapest first: most names stand in prose.
        if !matches!(
            self.text.get(start.saturating_sub(2)..start),
            Some([b'V' | b'G' | b'v' | b'x' | b't' | b'U', b' '])
        ) {
            return false;
        }
        let before = self.before().trim_ascii_end();
        let from = before.iter().rev().take_while(|b| b.is_ascii_alphabetic() || **b == b'-').count();
        let word = before.get(before.len() - from..).and_then(|w| std::str::from_utf8(w).ok()).unwrap_or_default();
        names::is_listed(DECLARING, word)
    }

    /// Skips `Type =` where a quote follows it: `password: string = "x"`.
    fn annotation(&mut self) {
        let start = self.at;
        self.blanks();
        // A quote opens the value, which may end in `=` itself.
        if !matches!(self.peek(), Some(b'\'')) {
            self.skip_while(|b| b.is_ascii_alphanumeric() || b" _<>&'?[].|".contains(&b));
        }
        let typed = self.at - start <= 40 && self.peek() == Some(b'=') && {
            self.at += 1;
            self.quote_ahead()
        };
        if !typed {
            self.at = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::Quoting;
    use super::*;

    fn value(text: &str) -> Option<(String, Quoting)> {
        let start = text.to_lowercase().find("password").unwrap();
        let found = value_after(text.as_bytes(), start..start + "password".len())?;
        let bare = text[found.span.start..].split_whitespace().next().unwrap_or_default();
        let text = if found.quoting == Quoting::Bare { bare } else { &text[found.span] };
        Some((text.to_owned(), found.quoting))
    }

    const QUOTED: &[&str] = &[
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
        r#"if (password !== "V") {"#,
        r#"passwords: ["V", "W"]"#,
        "passwords = [\n    'V',\n    'W',\n]",
        r#"passwords := []string{"V"}"#,
        r#""password": "{\"user_name\": \"UU\", \"x\": \"V\"}""#,
        r#"password: '{"password_type": "PLAIN", "x": "V"}'"#,
        r#"{\"password\":\"V\"}"#,
        r#"SET password=PASSWORD('V')"#,
        r#"password = """V""""#,
        r#"char password[] = "V";"#,
        r#"password=String::from("V")"#,
        r#"x = process.env.PASSWORD || "V""#,
        r#"os.environ["PASSWORD"] or "V""#,
        r#"getenv("PASSWORD", "V")"#,
        "**Password**: `V`",
        "- name: DB_PASSWORD\n  value: \"V\"",
        "{\"name\": \"DB_PASSWORD\",\n \"value\": \"V\"}",
        r#"{"key":"password","type":"text","value":"V"}"#,
        "variable \"db_password\" {\n  type = string\n  default = \"V\"\n}",
        r#"<string name="password">V</string>"#,
        "<key>DbPassword</key>\n\t<string>V</string>",
        r#"<property name="password" value="V"/>"#,
        r#"<property name="password">V</property>"#,
        "<password><![CDATA[V]]></password>",
        r#"<password encrypted="false">V</password>"#,
        "set `DB_PASSWORD` to `V`",
        "| `DB_PASSWORD` | `V` |",
        r#"password: "${DB:-V}""#,
        "password = '''V'''",
        r##"let password = r#"V"#;"##,
        r#"password <- "V""#,
        r#"password = new Secret("V")"#,
        r#"setPassword(Base64.decode("V"))"#,
        r#"password: 'V',"#,
    ];
    const BARE: &[&str] = &[
        "password=V",
        "password: V",
        "PASSWORD=V\n",
        "password = V\r\nx",
        "ENV DB_PASSWORD V\n",
        "cmd --password V -x",
        "keytool -storepassword V -x",
        "openssl rsa -inpassword pass:V",
        "${DB_PASSWORD:-V }",
        "password: |\n    V\nx",
        "password: ${X:-V }",
        "- name: DB_PASSWORD\n  value: V\n",
        "| DB password | V |",
    ];

    #[test]
    fn the_value_is_found_however_it_is_assigned() {
        for (lines, quoting) in [(QUOTED, Quoting::Quoted), (BARE, Quoting::Bare)] {
            for line in lines {
                assert_eq!(value(line), Some(("V".to_owned(), quoting)), "{line}");
            }
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
            "password = \"open",
            "${DB_PASSWORD:?is not set}",
            "arn:aws:secretsmanager:eu-west-1:1:password:name",
            r#""AWS::Service::Password": "x""#,
            r#"checkToken("password", "x")"#,
            r"(?P<password>[a-z]+)",
            "src/password.rs:191",
            "- name: DB_PASSWORD\n  valueFrom: x",
            "- name: DB_PASSWORD\n- name: y\n  value: x",
            "echo password | base64",
            "  --password    what to log in with",
        ] {
            assert_eq!(value(line), None, "{line}");
        }
    }
}
