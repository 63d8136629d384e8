"""Projects, their pages, tags and reviews."""

from examples.qsbridge.mods import (
    ModArchive,
    ModKind,
    ModProject,
    ModProjectPage,
    ModReview,
    ModTag,
    mod_install_enable,
    mod_install_request,
    mod_install_update,
    mod_project_archive,
    mod_project_create,
    mod_project_page_set,
    mod_project_restore,
    mod_project_update,
    mod_review_delete,
    mod_review_put,
    mod_tag_add,
    mod_tag_remove,
    mod_version_publish,
)
from tests.examples.hub import START
from tests.examples.registry_desk import Desk

SERVICE = ModKind.ProcessService
ARCHIVED = "WrongState: project 'core-lib' is archived"
ABSENT = "NotFound: there is no project 9"


def test_create_makes_a_project(desk: Desk) -> None:
    project_id = desk.db.call(
        mod_project_create, "discord-bot", "Discord Bot", "Ann", "Talks.", SERVICE
    )

    (project,) = desk.rows(ModProject)
    assert project == ModProject(
        "discord-bot", "Discord Bot", "Ann", "Talks.", SERVICE, START
    ).replace(project_id=project_id)


def test_create_takes_values_at_the_limits(desk: Desk) -> None:
    desk.db.call(mod_project_create, "-" * 64, "n" * 64, "a" * 64, "d" * 4096, SERVICE)
    desk.db.call(mod_project_create, "0", "n", "", "", SERVICE)


WRONG_SLUGS = [
    ("", "slug is empty, not 1 to 64 characters"),
    ("x" * 65, "slug has 65 characters, more than 64"),
    ("Discord", "slug 'Discord' is not of a-z, 0-9 and hyphens"),
    ("a_b", "slug 'a_b' is not of a-z, 0-9 and hyphens"),
    ("a\n", "slug 'a\\n' is not of a-z, 0-9 and hyphens"),
    ("é", "slug 'é' is not of a-z, 0-9 and hyphens"),
    ("../etc", "slug '../etc' is not of a-z, 0-9 and hyphens"),
]


def test_create_refuses_a_wrong_slug(desk: Desk) -> None:
    for slug, fault in WRONG_SLUGS:
        text = desk.refusal(mod_project_create, slug, "N", "", "", SERVICE)
        assert text == f"InvalidArgument: {fault}"


WRONG_TEXTS = [
    (("", "", ""), "name is empty, not 1 to 64 characters"),
    (("n" * 65, "", ""), "name has 65 characters, more than 64"),
    (("a\nb", "", ""), "name 'a\\nb' has control characters"),
    (("N", "a" * 65, ""), "author has 65 characters, more than 64"),
    (("N", "a\x00", ""), "author 'a\\x00' has control characters"),
    (("N", "", "d" * 4097), "description has 4097 characters, more than 4096"),
]


def test_create_and_update_refuse_wrong_texts(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    for texts, fault in WRONG_TEXTS:
        created = desk.refusal(mod_project_create, "slug", *texts, SERVICE)
        updated = desk.refusal(mod_project_update, project_id, *texts)
        assert created == updated == f"InvalidArgument: {fault}"


def test_slug_is_of_one_project(desk: Desk) -> None:
    desk.project("core-lib")

    text = desk.refusal(mod_project_create, "core-lib", "N", "", "", SERVICE)

    assert text == "AlreadyExists: there is a project 'core-lib' already"


def test_update_changes_the_texts_and_nothing_else(desk: Desk) -> None:
    project_id = desk.project("core-lib")
    (before,) = desk.rows(ModProject)
    desk.clock.advance(60)

    desk.db.call(mod_project_update, project_id, "Core", "Bob", "For all.")

    expected = before.replace(name="Core", author="Bob", description="For all.")
    assert desk.rows(ModProject) == [expected]


def test_page_is_set_and_replaced(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    desk.db.call(mod_project_page_set, project_id, "MIT", "https://a.example", "")
    desk.db.call(mod_project_page_set, project_id, "", "", "http://b.example/x")

    expected = ModProjectPage(project_id, "", "", "http://b.example/x")
    assert desk.rows(ModProjectPage) == [expected]


WRONG_PAGES = [
    (("l" * 65, "", ""), "license has 65 characters, more than 64"),
    (("a\tb", "", ""), "license 'a\\tb' has control characters"),
    (
        ("", "javascript:x", ""),
        "homepage 'javascript:x' is no address with http or https",
    ),
    (("", "http://", ""), "homepage 'http://' is no address with http or https"),
    (
        ("", "", "http://a b"),
        "repository 'http://a b' is no address with http or https",
    ),
    (
        ("", "", "http://" + "a" * 506),
        "repository has 513 characters, more than 512",
    ),
]


def test_page_refuses_what_it_cannot_show(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    for page, fault in WRONG_PAGES:
        text = desk.refusal(mod_project_page_set, project_id, *page)
        assert text == f"InvalidArgument: {fault}"


def test_archived_project_takes_nothing_new_and_goes_on(desk: Desk) -> None:
    project_id = desk.mod("core-lib", "1.0.0", "2.0.0")
    install_id = desk.install(project_id, "installed")
    desk.db.call(mod_project_archive, project_id)

    assert desk.rows(ModArchive) == [ModArchive(project_id, START)]
    for call in (
        (mod_project_archive, project_id),
        (mod_project_update, project_id, "N", "", ""),
        (mod_project_page_set, project_id, "", "", ""),
        (mod_version_publish, project_id, "3.0.0", "", "", ["*"], ["*"]),
        (mod_review_put, project_id, "p1", 5, ""),
        (mod_install_request, "west", project_id, "1.0.0"),
        (mod_install_update, install_id, "2.0.0"),
    ):
        assert desk.refusal(*call) == ARCHIVED
    desk.db.call(mod_install_enable, install_id)


def test_archived_project_is_restored(desk: Desk) -> None:
    project_id = desk.mod("core-lib")
    desk.db.call(mod_project_archive, project_id)

    desk.db.call(mod_project_restore, project_id)

    desk.install(project_id)
    assert desk.rows(ModArchive) == []
    text = desk.refusal(mod_project_restore, project_id)
    assert text == "WrongState: project 'core-lib' is not archived"


def test_project_that_is_not_there_is_named(desk: Desk) -> None:
    for call in (
        (mod_project_archive, 9),
        (mod_project_restore, 9),
        (mod_project_update, 9, "N", "", ""),
        (mod_project_page_set, 9, "", "", ""),
        (mod_tag_add, 9, "fun"),
        (mod_tag_remove, 9, "fun"),
        (mod_review_put, 9, "p1", 5, ""),
        (mod_review_delete, 9, "p1"),
        (mod_version_publish, 9, "1.0.0", "", "", ["*"], ["*"]),
        (mod_install_request, "east", 9, "1.0.0"),
    ):
        assert desk.refusal(*call) == ABSENT


def test_tags_come_and_go(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    desk.db.call(mod_tag_add, project_id, "fun")
    desk.db.call(mod_tag_add, project_id, "pvp")
    desk.db.call(mod_tag_remove, project_id, "fun")

    (tag,) = desk.rows(ModTag)
    assert isinstance(tag, ModTag)
    assert (tag.project_id, tag.tag) == (project_id, "pvp")


def test_tag_is_there_once_and_sixteen_at_most(desk: Desk) -> None:
    project_id = desk.project("core-lib")
    for number in range(16):
        desk.db.call(mod_tag_add, project_id, f"tag-{number}")

    again = desk.refusal(mod_tag_add, project_id, "tag-3")
    more = desk.refusal(mod_tag_add, project_id, "fun")
    absent = desk.refusal(mod_tag_remove, project_id, "fun")
    wrong = desk.refusal(mod_tag_add, project_id, "Fun")

    assert again == "AlreadyExists: project 'core-lib' has the tag 'tag-3'"
    assert more == "WrongState: project 'core-lib' has 16 tags, and may have no more"
    assert absent == "NotFound: project 'core-lib' has no tag 'fun'"
    assert wrong == "InvalidArgument: tag 'Fun' is not of a-z, 0-9 and hyphens"


def test_player_has_one_review_of_a_project(desk: Desk) -> None:
    project_id = desk.project("core-lib")
    desk.db.call(mod_review_put, project_id, "p1", 2, "So so.")
    desk.db.call(mod_review_put, project_id, "p2", 1, "")
    desk.clock.advance(60)

    desk.db.call(mod_review_put, project_id, "p1", 5, "Better!")

    first, second = sorted(
        (row for row in desk.rows(ModReview) if isinstance(row, ModReview)),
        key=lambda row: row.review_id,
    )
    assert (first.player_id, first.rating, first.body) == ("p1", 5, "Better!")
    assert first.created_at == desk.clock.now()
    assert second.created_at == START


def test_review_is_deleted_also_from_an_archived_project(desk: Desk) -> None:
    project_id = desk.project("core-lib")
    desk.db.call(mod_review_put, project_id, "p1", 2, "")
    desk.db.call(mod_project_archive, project_id)

    desk.db.call(mod_review_delete, project_id, "p1")

    assert desk.rows(ModReview) == []
    text = desk.refusal(mod_review_delete, project_id, "p1")
    assert text == "NotFound: player 'p1' has no review of 'core-lib'"


WRONG_REVIEWS = [
    (("", 5, ""), "player_id is empty, not 1 to 64 characters"),
    (("p" * 65, 5, ""), "player_id has 65 characters, more than 64"),
    (("p1", 0, ""), "rating is 0, not 1 to 5"),
    (("p1", 6, ""), "rating is 6, not 1 to 5"),
    (("p1", 5, "b" * 4097), "body has 4097 characters, more than 4096"),
]


def test_review_out_of_bounds_is_refused(desk: Desk) -> None:
    project_id = desk.project("core-lib")

    for review, fault in WRONG_REVIEWS:
        text = desk.refusal(mod_review_put, project_id, *review)
        assert text == f"InvalidArgument: {fault}"
