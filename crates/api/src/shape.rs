//! Shapes that more than one feature uses (contract: objects/Common.fields.md).

use bough_control::model::{ActorKind, ActorRef, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dispatch::Ctx;

/// A time as it stands in answers.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time", "examples": ["2021-01-14T10:19:23.000Z"]})
    }
}

/// A time that may be missing.
pub(crate) fn time(at: Option<Timestamp>) -> Option<Time> {
    at.map(Time)
}

/// Who did something.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Actor<'a> {
    /// Public id.
    id: &'a str,
    /// `User`, `ServiceToken`, `Operator` or `System`.
    r#type: &'static str,
    /// Name for display.
    display_name: &'a str,
    /// A picture.
    avatar_url: String,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(ctx: &Ctx<'_>, actor: &'a ActorRef) -> Self {
        Self {
            id: &actor.id,
            r#type: actor.kind.as_str(),
            display_name: &actor.display_name,
            avatar_url: avatar_url(ctx, actor.kind, &actor.id),
        }
    }
}

/// The address of an actor's picture.
pub(crate) fn avatar_url(ctx: &Ctx<'_>, kind: ActorKind, id: &str) -> String {
    // Operators have no public id: their picture is that of the kind.
    let picture = match kind {
        ActorKind::User | ActorKind::ServiceToken => id,
        ActorKind::Operator | ActorKind::System => kind.as_str(),
    };
    let mut url = [ctx.public_url(), "/avatars/", picture, ".svg"].concat();
    url[ctx.public_url().len()..].make_ascii_lowercase();
    url
}

/// A thing that another belongs to.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ResourceRef {
    /// Public id.
    pub(crate) id: String,
    /// `Organization` or `Database`.
    pub(crate) r#type: &'static str,
    /// Name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Time,
    /// When it was changed last.
    pub(crate) updated_at: Time,
    /// When it was deleted; null while it is there.
    pub(crate) deleted_at: Option<Time>,
}

/// Tells `"name": null` from no name at all.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
