//! Webhooks by Standard Webhooks.

use super::http::{agent, post};
use super::sender::{Message, Outcome, Sender};
use crate::config::Webhook;
use hostmeter_core::wire::webhook::{ID_HEADER, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, signatures};

/// One receiver.
pub(super) struct Hook {
    url: String,
    secrets: Vec<Secret>,
    agent: ureq::Agent,
}

impl Hook {
    /// From the configuration, which was checked.
    pub(super) fn new(config: &Webhook) -> Result<Self, String> {
        let secrets = config.secrets.iter().map(|s| Secret::parse(s.reveal()).map_err(|e| e.to_string()));
        Ok(Self {
            url: config.url.clone(),
            secrets: secrets.collect::<Result<_, _>>()?,
            agent: agent(config.timeout, config.ca_file.as_deref())?,
        })
    }
}

impl Sender for Hook {
    fn send(&mut self, message: &Message) -> Outcome {
        let id = format!("msg_{}", message.id);
        let now_sec = message.now_ms.div_euclid(1_000);
        let request = self
            .agent
            .post(&self.url)
            .header(ID_HEADER, &id)
            .header(TIMESTAMP_HEADER, now_sec.to_string())
            .header(SIGNATURE_HEADER, signatures(&self.secrets, &id, now_sec, &message.json));
        let answer = match post(request, &message.json) {
            Ok(answer) => answer,
            Err(unsent) => return unsent.outcome(),
        };
        let said = format!("status {}", answer.status);
        match answer.status {
            200..=299 => Outcome::Accepted(said),
            300..=399 => Outcome::Down(format!("{said}: redirects are not followed; correct the url"), None),
            // The receiver wants nothing of this kind any more (Standard Webhooks, "410 Gone").
            410 => Outcome::Failed(said),
            429 | 503 => Outcome::Down(said, answer.retry_after),
            // Perhaps only this message is not liked.
            400..=499 => Outcome::Later(said),
            _ => Outcome::Broken(said, answer.retry_after),
        }
    }
}
