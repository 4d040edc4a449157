#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "origin/discover/inventory.h"
#include "origin/sqlite/testing.h"

namespace perdure::origin::testing {

namespace {

using Lines = std::set<std::string>;  // "where.field = value"

Lines proposed(FoundDatabase const& found) {
    Lines lines;
    for (auto const& guess : found.guesses) {
        lines.insert(guess.where + "." + guess.field + " = " + guess.value);
    }
    return lines;
}

/// What a person who knows the applications would write; made before the guesses were looked at.
std::map<std::string, Lines> const expected = {
    {"sqlite/chinook/Chinook_Sqlite.sqlite",
     {"subjects.table = Customer", "subjects.key = CustomerId", "subjects.label = LastName",
      "subjects.email = Email", "records.track.table = Track", "records.track.title = Name",
      "records.track.collection = AlbumId -> Album.Title",
      "records.track.category = GenreId -> Genre.Name", "records.invoice.table = Invoice",
      "records.invoice.created = InvoiceDate"}},
    {"sqlite/northwind/northwind.sqlite",
     {"subjects.table = Customers", "subjects.key = CustomerID", "subjects.label = ContactName",
      "records.product.table = Products", "records.product.title = ProductName",
      "records.product.category = CategoryID -> Categories.CategoryName",
      "records.order.table = Orders", "records.order.title = ShipName",
      "records.order.created = OrderDate"}},
    {"sqlite/ldbc_snb_social/ldbc_snb.sqlite",
     {"subjects.table = person", "subjects.key = p_personid", "subjects.label = p_lastname",
      "records.message.table = message", "records.message.body = m_content",
      "records.message.body_format = text", "records.message.created = m_creationdate",
      "records.message.collection = m_ps_forumid -> forum.f_title",
      "records.message.tags = message_tag(mt_messageid, mt_tagid) -> tag.t_name",
      "records.forum.table = forum", "records.forum.title = f_title",
      "records.forum.created = f_creationdate",
      "records.forum.tags = forum_tag(ft_forumid, ft_tagid) -> tag.t_name"}},
    {"versions/memos-sqlite/v0.2.0/memos_demo.db",
     {"subjects.table = user", "subjects.key = id", "subjects.label = name",
      "subjects.email = email", "records.memo.table = memo", "records.memo.body = content",
      "records.memo.body_format = markdown", "records.memo.created = created_ts",
      "records.memo.updated = updated_ts", "records.resource.table = resource",
      "records.resource.title = filename", "records.resource.created = created_ts",
      "records.resource.updated = updated_ts", "records.shortcut.table = shortcut",
      "records.shortcut.title = title", "records.shortcut.created = created_ts",
      "records.shortcut.updated = updated_ts"}},
    {"versions/memos-sqlite/v0.10.0/memos_demo.db",
     {"subjects.table = user",
      "subjects.key = id",
      "subjects.label = nickname",
      "subjects.email = email",
      "subjects.owners.memo = creator_id",
      "subjects.owners.memo_organizer = user_id",
      "subjects.owners.memo_resource = memo_id -> memo",
      "subjects.owners.resource = creator_id",
      "subjects.owners.shortcut = creator_id",
      "subjects.owners.tag = creator_id",
      "subjects.owners.activity = creator_id",
      "subjects.owners.user_setting = user_id",
      "records.memo.table = memo",
      "records.memo.body = content",
      "records.memo.body_format = markdown",
      "records.memo.created = created_ts",
      "records.memo.updated = updated_ts",
      "records.resource.table = resource",
      "records.resource.title = filename",
      "records.resource.created = created_ts",
      "records.resource.updated = updated_ts",
      "records.shortcut.table = shortcut",
      "records.shortcut.title = title",
      "records.shortcut.created = created_ts",
      "records.shortcut.updated = updated_ts"}},
    {"versions/memos-sqlite/v0.22.0/memos_demo.db",
     {"subjects.table = user",
      "subjects.key = id",
      "subjects.label = nickname",
      "subjects.email = email",
      "subjects.owners.memo = creator_id",
      "subjects.owners.memo_organizer = user_id",
      "subjects.owners.memo_relation = memo_id -> memo",
      "subjects.owners.resource = creator_id",
      "subjects.owners.activity = creator_id",
      "subjects.owners.user_setting = user_id",
      "subjects.owners.inbox = sender_id",
      "subjects.owners.webhook = creator_id",
      "subjects.owners.reaction = creator_id",
      "records.memo.table = memo",
      "records.memo.body = content",
      "records.memo.body_format = markdown",
      "records.memo.created = created_ts",
      "records.memo.updated = updated_ts",
      "records.memo.tags = tags",
      "records.resource.table = resource",
      "records.resource.title = filename",
      "records.resource.created = created_ts",
      "records.resource.updated = updated_ts"}},
};

struct Score {
    double precision = 0, recall = 0;
};

Score score(Lines const& wanted, Lines const& got) {
    Lines both;
    std::ranges::set_intersection(wanted, got, std::inserter(both, both.end()));
    auto const share = [&](std::size_t of) {
        return of == 0 ? 0 : static_cast<double>(both.size()) / static_cast<double>(of);
    };
    return {share(got.size()), share(wanted.size())};
}

}  // namespace

TEST(MappingQuality, ProposalsAgreeWithHandWrittenMappingsOfRealApplications) {
    if (shared_data().empty()) GTEST_SKIP() << "no ../shared/data on this machine";
    auto const scratch = std::move(*system::ScratchFolder::create());
    double precision = 0, recall = 0;
    for (auto const& [path, wanted] : expected) {
        SCOPED_TRACE(path);
        auto const copy = scratch.path() / "copy.db";
        std::filesystem::copy_file(shared_data() / path, copy,
                                   std::filesystem::copy_options::overwrite_existing);
        auto const found = inspect_sqlite(copy, {}, {});
        ASSERT_TRUE(found) << found.error().message();
        auto const got = proposed(*found);
        auto const [exact, complete] = score(wanted, got);
        precision += exact;
        recall += complete;
        std::cout << path << ": precision " << exact << ", recall " << complete << '\n';
        if (std::getenv("PERDURE_VERBOSE") != nullptr) {
            for (auto const& line : got) {
                if (!wanted.contains(line)) std::cout << "  extra   " << line << '\n';
            }
            for (auto const& line : wanted) {
                if (!got.contains(line)) std::cout << "  missing " << line << '\n';
            }
        }
        ASSERT_TRUE(found->mapping.subjects);
        EXPECT_TRUE(wanted.contains("subjects.table = " + found->mapping.subjects->table));
        EXPECT_TRUE(wanted.contains("subjects.key = " + found->mapping.subjects->key));
    }
    precision /= static_cast<double>(expected.size());
    recall /= static_cast<double>(expected.size());
    std::cout << "mean precision " << precision << ", recall " << recall << '\n';
    EXPECT_GE(precision, 0.9);
    EXPECT_GE(recall, 0.95);
}

}  // namespace perdure::origin::testing
