//! What people do about a credential outside of quell, as they say it: that they look after it, and what they did.

use super::commands::text;
use super::{CommandError, Orchestrator};
use crate::model::action::Action;
use crate::model::case::CaseNumber;
use crate::model::event::{Body, RestoreCause};
use crate::policy::Verb;

impl Orchestrator<'_> {
    /// Says that somebody looks after it.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn acknowledge(&self, number: CaseNumber) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Assign, &self.about(&case).await?, Some(number)).await?;
        self.write(&case, vec![Body::Acknowledged]).await
    }

    /// Says that the caller did something about the credential outside of quell. Its issuer is asked what that came to;
    /// nobody's word is taken for it.
    ///
    /// # Errors
    /// Where the caller may not, or the ledger cannot be written.
    pub async fn did(
        &self,
        number: CaseNumber,
        action: Action,
        cause: Option<RestoreCause>,
        reason: &str,
    ) -> Result<(), CommandError> {
        let case = self.case(number).await?;
        self.allow(Verb::Assign, &self.about(&case).await?, Some(number)).await?;
        if matches!(action, Action::Notify | Action::Close) || (action == Action::Restore) != cause.is_some() {
            let help = "rotate, quarantine and revoke are told with a reason, and restore with what made it necessary";
            return Err(CommandError::usage(format!("{} is not told so", action.as_str()), help));
        }
        let reason = text(reason)?.to_owned();
        self.write(&case, vec![Body::ActReported { action, reason, cause }]).await
    }
}
