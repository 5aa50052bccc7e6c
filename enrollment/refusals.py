"""Why somebody cannot have a seat, in the words that they will read."""

from typing import ClassVar


class Refused(Exception):
    """A reservation that cannot be made. `title` and `message` are shown as they stand.

    `state` is the member's, where it is known: the groups offered instead are open to it.
    """

    title: ClassVar[str] = "We can't keep this seat for you"
    message: ClassVar[str] = ""
    # Said before groups with free seats; empty where those do not help this person.
    before_others: ClassVar[str] = ""

    def __init__(self, state: str = "") -> None:
        super().__init__()
        self.state = state


class GroupFull(Refused):
    title = "This group has just filled up"
    message = "Every seat is taken right now, so nothing was reserved and nothing was charged."
    before_others = "These groups still have a seat:"


class FullAlready(GroupFull):
    """Nobody was faster: there was no seat when the page was opened."""

    title = "This group is full"


class GroupClosed(Refused):
    title = "You can't join this group any more"
    message = "Nothing was reserved and nothing was charged."
    before_others = "These groups still have a seat:"


class AlreadyEnrolled(Refused):
    title = "You already have a seat in this group"
    message = "One seat is all you need. You find it under My groups."


class AlreadyWaiting(Refused):
    title = "You are on the waitlist of this group"
    message = "You find your place in it under My groups."


class TooManyWaits(Refused):
    title = "You are on five waitlists already"
    message = (
        "One person can wait in five groups at a time, so that a seat that comes free finds "
        "somebody who wants it. Leave one of your waitlists under My groups to join this one."
    )


class NoNeedToWait(Refused):
    title = "A seat is free in this group"
    message = "You don\u2019t have to wait for one. Nothing was charged."


class TooManyHolds(Refused):
    title = "You are keeping other seats already"
    message = (
        "Seats are few, so one person can keep two unpaid seats at a time, and the same group's "
        "seat three times within a day. Nothing was reserved and nothing was charged. Pay for a "
        "seat that is kept for you under My groups, or try again tomorrow. If paying is the "
        "difficulty, write to us: we would like to help."
    )


class IntakeMissing(Refused):
    title = "A few questions first"
    message = "Please tell us a little about yourself before we keep a seat for you."


class Underage(Refused):
    title = "These groups are for adults"
    message = (
        "You need to be 18 or older to join. If you need support now, call or text 988, "
        "at any hour."
    )


class StateNotAdmitted(Refused):
    title = "This group can't admit people in {state} yet"
    message = "The people who lead a group have to be licensed where you are during the sessions."
    before_others = "These groups are open to your state:"
