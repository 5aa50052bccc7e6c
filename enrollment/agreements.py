"""What a member agrees to before a seat is kept. Change a text, and change its version.

The version, the time and the address are stored with each enrolment (`models.Consent`);
earlier texts stay readable in the repository's history under their version.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    kind: str
    version: str
    title: str
    text: tuple[str, ...]
    label: str


CURRENT: tuple[Agreement, ...] = (
    Agreement(
        kind="telehealth",
        version="2026-11",
        title="Meeting online",
        text=(
            "Sessions happen by video. You need a private place and a connection. A camera "
            "helps; you choose when it is on. Video can fail; if it does, use the same link to "
            "come back.",
            "A skills group is not crisis care and not a complete treatment on its own. "
            "In an emergency call 911; for support at any hour call or text 988.",
            "Your facilitator has to be licensed in the state where you are, so we ask where "
            "you are each time you join.",
        ),
        label="I agree to meet online, and I know this is not crisis care",
    ),
    Agreement(
        kind="confidentiality",
        version="2026-11",
        title="What stays in the group",
        text=(
            "The law binds the people who lead the group to keep what you say private, with "
            "narrow exceptions such as danger to a person. It does not bind the other members.",
            "Everyone promises to keep names and stories in the group, and not to record. "
            "We can't guarantee that each member keeps this promise.",
        ),
        label="I will keep what others share private, and I know the limits",
    ),
    Agreement(
        kind="email",
        version="2026-11",
        title="Email",
        text=(
            "Your weekly link comes by email. Email is not private, so ours say little: "
            "a neutral subject, no names of other people, no details of what the group is about.",
        ),
        label="You may send my links and notices by email",
    ),
    Agreement(
        kind="attendance",
        version="2026-11",
        title="Coming each week",
        text=(
            "The group works because people come. Arriving more than 15 minutes late counts as "
            "missed. After two missed sessions your facilitator checks in with you; after four "
            "in a row you decide together whether to go on.",
        ),
        label="I plan to come each week",
    ),
    Agreement(
        kind="refunds",
        version="2026-11",
        title="If you leave",
        text=(
            "Before your first session you get everything back. After it, you get back the part "
            "for the sessions that have not been held yet. A session that we cancel and don't "
            "replace is always paid back.",
        ),
        label="I understand what I get back if I leave",
    ),
)
