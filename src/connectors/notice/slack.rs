//! Incoming webhooks of Slack, and of what speaks like it
//! (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>, and the list of errors at
//! <https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks>, read 2026-11-21).
//!
//! The URL is the secret. A delivery is a `200` with the body `ok`; Slack has no id by which it would know a second one.

use reqwest::Client;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::{ChannelError, Message, NoticeError, Notifier, Sending, check_id, client, post, target};
use crate::model::Secret;

/// What Slack answers where the same message will never be taken at this URL.
const FOR_GOOD: [&str; 16] = [
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_blocks",
    "invalid_payload",
    "invalid_token",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "no_text",
    "posting_to_general_channel_denied",
    "team_disabled",
    "too_many_attachments",
    "user_not_found",
    "user_not_in_channel",
];

/// An incoming webhook of Slack's kind.
pub struct Slack {
    client: Client,
    url: Secret,
}

impl Slack {
    /// A webhook by its URL. `pem` has authorities to trust beside the system's.
    ///
    /// # Errors
    /// Where the URL has no TLS and does not lead to this machine, or the certificates cannot be used.
    pub fn new(url: &Secret, pem: Option<&[u8]>) -> Result<Self, ChannelError> {
        let text = std::str::from_utf8(url.expose()).map_err(|_| ChannelError::Url)?;
        target(text)?;
        Ok(Self { client: client(pem)?, url: url.clone() })
    }

    async fn deliver(&self, message: &Message) -> Result<(), NoticeError> {
        check_id(&message.id)?;
        let url = std::str::from_utf8(self.url.expose()).ok().and_then(|text| target(text).ok());
        let url = url.ok_or_else(|| NoticeError::never(ChannelError::Url.to_string()))?;
        // Slack would fetch what a text links to, and so tell others that it was read.
        let body = json!({ "text": message.slack, "unfurl_links": false, "unfurl_media": false }).to_string();
        let answer = post(&self.client, url, HeaderMap::new(), body, message.at).await?;
        let said = String::from_utf8_lossy(&answer.body);
        judge(answer.status, said.trim(), answer.after)
    }
}

impl Notifier for Slack {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(self.deliver(message))
    }
}

/// What an answer says. A status without a word of Slack's is tried again: something between may have given it.
fn judge(status: StatusCode, said: &str, after: Option<u64>) -> Result<(), NoticeError> {
    let number = status.as_u16();
    if status.is_success() {
        return match said {
            "ok" => Ok(()),
            _ => Err(NoticeError::again(format!("it answers {number} without `ok`"))),
        };
    }
    if let Some(word) = FOR_GOOD.iter().find(|word| **word == said).filter(|_| status.is_client_error()) {
        return Err(NoticeError::never(format!("it answers {number} `{word}`")));
    }
    match status {
        StatusCode::GONE => Err(NoticeError::never("it answers 410: the webhook is gone")),
        _ => Err(NoticeError { after, ..NoticeError::again(format!("it answers {number}")) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_slack_are_for_good_and_others_are_not() {
        let judged = |status: u16, said: &str| judge(StatusCode::from_u16(status).unwrap(), said, Some(3));
        assert_eq!(judged(200, "ok"), Ok(()));
        for (status, said, permanent, after) in [
            (403, "invalid_token", true, None),
            (404, "no_service", true, None),
            (410, "channel_is_archived", true, None),
            (410, "", true, None),
            (404, "<html>no_service</html>", false, Some(3)),
            (429, "rate_limited", false, Some(3)),
            (500, "rollup_error", false, Some(3)),
            (500, "invalid_token", false, Some(3)),
            (302, "", false, Some(3)),
            (200, "<html>sign in</html>", false, None),
        ] {
            let error = judged(status, said).unwrap_err();
            assert_eq!((error.permanent, error.after), (permanent, after), "{status} {said}");
            assert!(error.why.contains(&status.to_string()) && !error.why.contains("html"), "{error}");
        }
    }

    #[test]
    fn an_url_that_cannot_be_is_refused_and_not_told() {
        for bad in [&b"http://hooks.example/T012"[..], b"T012", b"\xff"] {
            let error = Slack::new(&Secret::new(bad.to_vec()), None).err().unwrap();
            assert_eq!(error, ChannelError::Url);
            assert!(!error.to_string().contains("T012"));
        }
    }
}
