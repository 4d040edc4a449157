#pragma once

#include <map>

#include "format/document/html/card.h"
#include "format/document/html/site.h"
#include "format/document/kept_spool.h"

namespace perdure::format {

/// Where a record's card lies in the spool of cards.
struct CardPlace {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
};

struct GroupCount {
    std::string label;
    std::uint64_t records = 0;
};

/// What the first page tells about the groups.
struct GroupOverview {
    std::uint64_t groups = 0;
    std::vector<GroupCount> largest;  ///< at most 24, by number of records, then by label
};

/// Every list of records by month, collection, project, category and tag. Threads: one.
class GroupIndex {
public:
    GroupIndex(OutputTree& tree, Tally& tally, KeptSpool& cards);
    Result<void> add(RecordView const& view, std::uint64_t ordinal, CardPlace place);
    /// Writes all pages: a folder a kind, in it an index and a page (or several) a group.
    Result<void> write(Site const& site, std::stop_token stop);
    /// After write().
    GroupOverview const& overview(GroupKind kind) { return overviews_[kind]; }
    /// Months that have records, in order; after write().
    std::vector<GroupCount> const& months() const { return months_; }

    Result<void> save(Encoder& out) { return sorted_.save(out); }
    Result<void> load(Decoder& in) { return sorted_.load(in); }

private:
    struct Group {
        GroupKind kind = GroupKind::month;
        std::string label;
        std::uint64_t first = 0, records = 0;
    };
    class IndexPages;
    Result<void> put(GroupKind kind, std::string_view label, std::string_view order,
                     CardPlace place);
    Result<void> arrange();
    Result<void> close_group(Group& group);
    Result<void> write_group(Site const& site, Group const& group);
    Result<std::string> cards_of(Group const& group, std::uint64_t first, std::uint64_t count);

    OutputTree& tree_;
    Tally& tally_;
    KeptSpool& cards_;
    SortedSpool sorted_;
    KeptSpool entries_, groups_;
    std::map<GroupKind, GroupOverview> overviews_;
    std::vector<GroupCount> months_;
};

/// "‹ Newer  2 of 7  Older ›" for a list in several pages; nothing for one.
std::string render_pager(std::uint64_t page, std::uint64_t pages,
                         std::function<std::string(std::uint64_t)> const& address);

}  // namespace perdure::format
