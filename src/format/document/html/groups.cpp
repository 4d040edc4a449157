#include "format/document/html/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "format/document/dates.h"

namespace perdure::format {

namespace {

constexpr std::uint64_t cards_a_page = 100;
constexpr std::uint64_t groups_a_page = 600;
constexpr std::size_t largest_max = 24;
constexpr std::size_t entry_bytes = 12;

std::string big_endian(std::uint64_t value) {
    std::string out(8, '\0');
    for (int i = 7; i >= 0; --i, value >>= 8)
        out[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
    return out;
}

void remember_largest(GroupOverview& overview, GroupCount const& group) {
    auto& largest = overview.largest;
    auto const before = [](GroupCount const& a, GroupCount const& b) {
        return a.records != b.records ? a.records > b.records : a.label < b.label;
    };
    largest.insert(std::ranges::upper_bound(largest, group, before), group);
    if (largest.size() > largest_max) largest.pop_back();
}

std::string page_address(GroupKind kind, std::string_view label, std::uint64_t page) {
    auto const path = group_path(kind, label);
    return page == 1 ? path + ".html" : fmt::format("{}--p{}.html", path, page);
}

std::string file_part(std::string const& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string index_address(GroupKind kind, std::uint64_t page) {
    auto const folder = naming_of(kind).folder;
    return page == 1 ? fmt::format("{}/index.html", folder)
                     : fmt::format("{}/index--p{}.html", folder, page);
}

}  // namespace

std::string render_pager(std::uint64_t page, std::uint64_t pages,
                         std::function<std::string(std::uint64_t)> const& address) {
    if (pages <= 1) return {};
    std::string out = "<nav class=\"pager\" aria-label=\"Pages\">";
    if (page > 1) {
        out += fmt::format(R"(<a rel="prev" href="{}">Previous</a>)", address(page - 1));
    }
    out += fmt::format("<span>Page {} of {}</span>", with_commas(page), with_commas(pages));
    if (page < pages) {
        out += fmt::format(R"(<a rel="next" href="{}">Next</a>)", address(page + 1));
    }
    return out + "</nav>\n";
}

/// The list of all groups of one kind, built while they pass.
class GroupIndex::IndexPages {
public:
    IndexPages(GroupIndex& index, Site const& site) : index_(index), site_(site) {}

    Result<void> add(Group const& group) {
        if (!kind_ || *kind_ != group.kind) {
            PD_CHECK(finish());
            kind_ = group.kind;
            page_ = 1;
        } else if (on_page_ == groups_a_page) {
            PD_CHECK(put_page());
            ++page_;
        }
        ++on_page_;
        auto const item =
            fmt::format(R"(<li>{} <span class="count">{}</span></li>
)",
                        group_link(group.kind, group.label, "../"), with_commas(group.records));
        if (group.kind != GroupKind::month) {
            items_ += item;
        } else if (group.label.empty()) {
            undated_ = item;
        } else {
            month(group, item);
        }
        return {};
    }
    Result<void> finish() {
        if (!kind_) return {};
        if (*kind_ == GroupKind::month) {
            close_year();
            if (!undated_.empty()) {
                items_ += "<h2>Undated</h2>\n<ul class=\"months\">" + undated_ + "</ul>\n";
            }
        }
        return put_page();
    }
    /// A kind that the mapping names and no record has still gets its page.
    Result<void> empty(GroupKind kind) {
        kind_ = kind;
        page_ = 1;
        return put_page();
    }

private:
    void month(Group const& group, std::string const& item) {
        auto const year = group.label.substr(0, 4);
        if (year != year_) {
            close_year();
            year_ = year;
            items_ += fmt::format("<h2 id=\"y{0}\">{0}</h2>\n<ul class=\"months\">\n", year);
        }
        items_ += item;
    }
    void close_year() {
        if (!year_.empty()) items_ += "</ul>\n";
        year_.clear();
    }
    Result<void> put_page() {
        auto const& naming = naming_of(*kind_);
        bool const months = *kind_ == GroupKind::month;
        auto const total = index_.overviews_[*kind_].groups;
        auto const pages = months ? 1 : (total + groups_a_page - 1) / groups_a_page;
        Page page{.title = std::string(naming.many),
                  .root = "../",
                  .section = std::string(naming.folder)};
        page.main = fmt::format("<h1>{}</h1>\n", naming.many);
        if (months) close_year();
        if (total == 0) {
            page.main += fmt::format("<p class=\"lede\">No record has a {}.</p>\n", naming.one);
        } else if (months) {
            page.main += items_;
        } else {
            page.main +=
                fmt::format("<ul class=\"group-list {}\">\n{}</ul>\n", naming.folder, items_);
        }
        page.main += render_pager(page_, pages, [&](std::uint64_t number) {
            return file_part(index_address(*kind_, number));
        });
        items_.clear();
        on_page_ = 0;
        return put_file(index_.tree_, index_.tally_, index_address(*kind_, months ? 1 : page_),
                        render_page(site_, page), {.modified = site_.info.as_of});
    }

    GroupIndex& index_;
    Site const& site_;
    std::optional<GroupKind> kind_;
    std::uint64_t page_ = 1, on_page_ = 0;
    std::string items_, year_, undated_;
};

GroupIndex::GroupIndex(OutputTree& tree, Tally& tally, KeptSpool& cards)
    : tree_(tree),
      tally_(tally),
      cards_(cards),
      sorted_(tree, "groups"),
      entries_(tree, "group-entries"),
      groups_(tree, "group-names") {}

Result<void> GroupIndex::put(GroupKind kind, std::string_view label, std::string_view order,
                             CardPlace place) {
    std::string key(1, static_cast<char>(kind));
    key += ascii_lower(label);
    key += '\0';
    key += label;
    key += '\0';
    key += order;
    Encoder value;
    value.u64(place.offset);
    value.u32(place.length);
    return sorted_.add(key, as_text(value.view()));
}

Result<void> GroupIndex::add(RecordView const& view, std::uint64_t ordinal, CardPlace place) {
    // Newest first; what has no date comes last.
    auto const age = view.created
                         ? static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) -
                               static_cast<std::uint64_t>(view.created->seconds)
                         : std::numeric_limits<std::uint64_t>::max();
    auto const order = big_endian(age) + big_endian(ordinal);
    PD_CHECK(put(GroupKind::month, view.created ? month_of(*view.created) : "", order, place));
    for (auto const& [kind, label] : {std::pair{GroupKind::collection, &view.collection},
                                      {GroupKind::project, &view.project},
                                      {GroupKind::category, &view.category}}) {
        if (!label->empty()) PD_CHECK(put(kind, *label, order, place));
    }
    for (auto const& tag : view.tags) PD_CHECK(put(GroupKind::tag, tag, order, place));
    return {};
}

Result<void> GroupIndex::close_group(Group& group) {
    if (group.records == 0) return {};
    auto& overview = overviews_[group.kind];
    ++overview.groups;
    remember_largest(overview, {group.label, group.records});
    if (group.kind == GroupKind::month && !group.label.empty()) {
        months_.push_back({group.label, group.records});
    }
    Encoder out;
    out.u8(static_cast<std::uint8_t>(group.kind));
    out.text(group.label);
    out.varint(group.first);
    out.varint(group.records);
    group.first += group.records;
    group.records = 0;
    return groups_.append_frame(out.view());
}

/// From sorted keys to groups: their names and counts in one spool, their cards in another.
Result<void> GroupIndex::arrange() {
    Group group;
    PD_CHECK(sorted_.merge([&](std::string_view key, std::string_view value) -> Result<void> {
        auto const kind = static_cast<GroupKind>(key[0]);
        auto const end = key.size() - 17;
        auto const start = key.find('\0', 1) + 1;
        auto const label = key.substr(start, end - start);
        if (group.records > 0 && (kind != group.kind || label != group.label)) {
            PD_CHECK(close_group(group));
        }
        group.kind = kind;
        group.label = label;
        ++group.records;
        return entries_.append(value);
    }));
    return close_group(group);
}

Result<std::string> GroupIndex::cards_of(Group const& group, std::uint64_t first,
                                         std::uint64_t count) {
    PD_TRY(auto const entries,
           entries_.read((group.first + first) * entry_bytes, count * entry_bytes));
    std::string out;
    Decoder in(as_bytes(std::string_view(entries)));
    while (!in.done()) {
        PD_TRY(auto const offset, in.u64());
        PD_TRY(auto const length, in.u32());
        PD_TRY(auto const bytes, cards_.read(offset, length));
        PD_TRY(auto const card, load_card(as_bytes(std::string_view(bytes))));
        out += render_card(card, "../");
    }
    return out;
}

Result<void> GroupIndex::write_group(Site const& site, Group const& group) {
    auto const pages = (group.records + cards_a_page - 1) / cards_a_page;
    auto const& naming = naming_of(group.kind);
    auto const title = group_title(group.kind, group.label);
    for (std::uint64_t number = 1; number <= pages; ++number) {
        auto const first = (number - 1) * cards_a_page;
        auto const count = std::min(cards_a_page, group.records - first);
        PD_TRY(auto const cards, cards_of(group, first, count));
        Page page{.title = title, .root = "../", .section = std::string(naming.folder)};
        std::string kind(naming.one);
        kind[0] = static_cast<char>(kind[0] - 32);
        page.main = fmt::format(
            "<p class=\"dateline\"><a href=\"index.html\">{}</a></p>\n<h1{}>{}</h1>\n"
            "<p class=\"lede\">{}</p>\n<ul class=\"cards\">\n{}</ul>\n",
            kind, language_of(title).attributes(), escaped(title),
            counted(group.records, "record", "records"), cards);
        auto const address = [&](std::uint64_t other) {
            return file_part(page_address(group.kind, group.label, other));
        };
        page.main += render_pager(number, pages, address);
        if (number > 1) page.previous = address(number - 1);
        if (number < pages) page.next = address(number + 1);
        PD_CHECK(put_file(tree_, tally_, page_address(group.kind, group.label, number),
                          render_page(site, page), {.modified = site.info.as_of}));
    }
    return {};
}

Result<void> GroupIndex::write(Site const& site, std::stop_token stop) {
    PD_CHECK(arrange());
    IndexPages index(*this, site);
    PD_CHECK(groups_.frames([&](ByteView frame) -> Result<void> {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        Decoder in(frame);
        Group group;
        PD_TRY(auto const kind, in.u8());
        group.kind = static_cast<GroupKind>(kind);
        PD_TRY(group.label, in.text(frame.size()));
        PD_TRY(group.first, in.varint());
        PD_TRY(group.records, in.varint());
        PD_CHECK(index.add(group));
        return write_group(site, group);
    }));
    PD_CHECK(index.finish());
    for (auto const& naming : group_namings()) {
        if (!site.shows(naming.kind) || overviews_[naming.kind].groups > 0) continue;
        IndexPages none(*this, site);
        PD_CHECK(none.empty(naming.kind));
    }
    return {};
}

}  // namespace perdure::format
