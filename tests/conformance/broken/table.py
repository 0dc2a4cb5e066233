"""Rule -> a connector that breaks it, and where the breach is to be found. Every rule of the kit has one."""

from __future__ import annotations

from typing import NamedTuple

from connectors.contract.fixture import Fixture
from tests.conformance.broken import hearing, leaving, polling, reading, writing
from tests.conformance.sound import PAPER, TICKET, Sound


class Wrong(NamedTuple):
    """A connector, and the object type on which the kit must catch it."""

    connector: type[Sound]
    fixture: Fixture = TICKET


BROKEN: dict[str, Wrong] = {
    "check.passes": Wrong(reading.ProvesNothing),
    "check.tells": Wrong(reading.RaisesFromCheck),
    "read.present": Wrong(reading.ReadsAnotherText),
    "read.absent": Wrong(reading.RefusesTheAbsent),
    "read.unknown_fields": Wrong(reading.ChokesOnNewFields),
    "read.marker": Wrong(reading.MarkerIsNotSearchable),
    "read.history": Wrong(reading.EverybodyIsUs),
    "read.comments": Wrong(reading.CommentsWithoutOrigin),
    "read.wrong_type": Wrong(reading.BelievesTheContentType),
    "read.not_json": Wrong(reading.TroubleIsEmpty),
    "read.truncated": Wrong(reading.TroubleIsEmpty),
    "read.half_json": Wrong(reading.TroubleIsEmpty),
    "read.cut_after_send": Wrong(reading.TroubleIsEmpty),
    "read.silence_after_send": Wrong(reading.TroubleIsEmpty),
    "read.500_before_effect": Wrong(reading.TroubleIsEmpty),
    "read.503_before_effect": Wrong(reading.TroubleIsEmpty),
    "read.429_retry_after": Wrong(reading.ForgetsHowLongToWait),
    "read.429": Wrong(reading.ThrottlingIsARefusal),
    "read.expired": Wrong(reading.DeadSignInIsNothingFound),
    "read.revoked": Wrong(reading.NoRightIsNotThere),
    "read.redirect": Wrong(reading.FollowsRedirects),
    "read.dead_sign_in": Wrong(reading.KnowsNoVendorSigns),
    "read.broken_off": Wrong(reading.KnowsNoVendorSigns),
    "poll.new": Wrong(polling.BeginsTomorrow),
    "poll.full_pages": Wrong(polling.DropsTheLastRowOfAFullPage),
    "poll.short_page": Wrong(polling.ForgetsAShortPage),
    "poll.boundary": Wrong(polling.GoesOnAfterTheMoment),
    "poll.idle": Wrong(polling.AnIdlePollMovesOn),
    "poll.overlap": Wrong(polling.NoOverlap),
    "poll.empty_page": Wrong(polling.EndsAtAnEmptyPage),
    "poll.moving": Wrong(polling.PagesByOffset),
    "poll.resumed": Wrong(polling.KeepsItsPlaceInMemory),
    "poll.keys": Wrong(polling.OneKeyForAllStates),
    "poll.deletes": Wrong(reading.ReadsTheDeleted),
    "poll.ids": Wrong(reading.ListsOnlyTheFirstPage),
    "hook.signed": Wrong(hearing.HearsNothing),
    "hook.forged": Wrong(hearing.BelievesEverybody),
    "hook.replayed": Wrong(hearing.BelievesOldOnes),
    "hook.repeated": Wrong(hearing.ANewKeyEachTime),
    "hook.out_of_order": Wrong(hearing.TheLastToComeIsTheNewest),
    "hook.malformed": Wrong(hearing.TrustsTheShape),
    "hook.huge": Wrong(hearing.RepeatsTheBody),
    "write.plain": Wrong(writing.SendsNothing),
    "write.stale": Wrong(writing.IgnoresThePrecondition, PAPER),
    "write.twice": Wrong(writing.DeclaresAKeyThatNobodyKnows),
    "write.slow": Wrong(writing.Impatient),
    "write.not_reached": Wrong(writing.NotReachedIsRefused),
    "write.cut_before_send": Wrong(writing.ACutIsAConflictOfTheNetwork),
    "write.cut_after_send": Wrong(writing.SendsAgain),
    "write.silence_after_send": Wrong(writing.ATimeOutIsNotApplied),
    "write.cut_after_commit": Wrong(writing.SendsAgain),
    "write.silence_after_commit": Wrong(writing.ATimeOutIsNotApplied),
    "write.late_commit": Wrong(writing.ATimeOutIsNotApplied),
    "write.truncated": Wrong(writing.AnUnreadableAnswerIsARefusal),
    "write.half_json": Wrong(writing.AnUnreadableAnswerIsARefusal),
    "write.not_json": Wrong(writing.AnythingWithTwoHundredIsApplied),
    "write.maintenance": Wrong(writing.AnythingWithTwoHundredIsApplied),
    "write.wrong_type": Wrong(writing.InsistsOnTheContentType),
    "write.429_retry_after": Wrong(writing.ForgetsHowLongToWait),
    "write.429": Wrong(writing.ThrottlingIsARefusal),
    "write.500_before_effect": Wrong(writing.FiveHundredIsAgain),
    "write.500_after_effect": Wrong(writing.FiveHundredIsAgain),
    "write.502_after_effect": Wrong(writing.FiveHundredIsAgain),
    "write.503_before_effect": Wrong(writing.FiveHundredIsAgain),
    "write.504_after_effect": Wrong(writing.FiveHundredIsAgain),
    "write.expired": Wrong(writing.ADeadSignInIsARefusal),
    "write.expired_once": Wrong(writing.ADeadSignInIsARefusal),
    "write.revoked": Wrong(writing.NoRightIsAgain),
    "write.redirect": Wrong(writing.FollowsRedirects),
    "write.dead_sign_in": Wrong(writing.KnowsNoVendorSigns),
    "write.broken_off": Wrong(writing.KnowsNoVendorSigns),
    "access.finds": Wrong(leaving.GuessesWhoIsMeant),
    "access.lists": Wrong(leaving.ReadsOnePageOfThings),
    "access.ends": Wrong(leaving.SaysThatItEnds),
    "access.twice": Wrong(leaving.TurnsTheSwitch),
    "access.inherited": Wrong(leaving.EndsWhatIsInherited),
    "access.by_hand": Wrong(leaving.EndsWhatAPersonHasTo),
    "access.gone": Wrong(leaving.FallsOverWhatIsGone),
    "access.left_alone": Wrong(leaving.TakesWorkFromAnybody),
    "access.trouble": Wrong(leaving.TroubleIsNothing),
}
