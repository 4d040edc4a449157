#include <fmt/format.h>

#include "format/document/pdf/book.h"

namespace perdure::format::pdf {

namespace {

/// Writes outline items one behind the other. All numbers are known before: the root's, then one
/// for the contents, then one for each entry in order.
class Outline {
public:
    Outline(Shared const& shared, Number root) : shared_(shared), root_(root) {}

    /// `count`: of its children; `last_child` is 0 without.
    struct Item {
        Number number = 0, parent = 0, previous = 0, next = 0, first = 0, last = 0;
        std::uint64_t count = 0;
        std::string title;
        Target target;
    };
    Result<void> put(Item const& item) {
        auto body = fmt::format("<</Title{}/Parent {} 0 R/Dest[{} 0 R/XYZ null {} null]",
                                text_string(item.title), item.parent, item.target.page,
                                real(shared_.look.paper.height - item.target.y));
        if (item.previous != 0) body += fmt::format("/Prev {} 0 R", item.previous);
        if (item.next != 0) body += fmt::format("/Next {} 0 R", item.next);
        // A negative count: closed until the reader opens it.
        if (item.count != 0) {
            body += fmt::format("/First {} 0 R/Last {} 0 R/Count -{}", item.first, item.last,
                                item.count);
        }
        return shared_.objects.put(item.number, body + ">>");
    }

    Result<void> take(Entry const& entry, Number number) {
        if (entry.level == 1) {
            PD_CHECK(end_record(0));
            PD_CHECK(end_chapter(number));
            chapter_ = {.number = number,
                        .parent = root_,
                        .previous = previous_chapter_,
                        .title = entry.title,
                        .target = entry.target};
            return {};
        }
        PD_CHECK(end_record(number));
        record_ = {.number = number,
                   .parent = chapter_.number,
                   .previous = previous_record_,
                   .title = entry.title,
                   .target = entry.target};
        if (chapter_.count++ == 0) chapter_.first = number;
        chapter_.last = number;
        return {};
    }
    Result<Number> finish() {
        PD_CHECK(end_record(0));
        auto const last = chapter_.number;
        PD_CHECK(end_chapter(0));
        return last;
    }
    void set_first(Number contents) { previous_chapter_ = contents; }

private:
    Result<void> end_record(Number next) {
        if (record_.number == 0) return {};
        record_.next = next;
        PD_CHECK(put(record_));
        previous_record_ = next == 0 ? 0 : record_.number;
        record_ = {};
        return {};
    }
    Result<void> end_chapter(Number next) {
        if (chapter_.number == 0) return {};
        chapter_.next = next;
        PD_CHECK(put(chapter_));
        previous_chapter_ = chapter_.number;
        chapter_ = {};
        return {};
    }

    Shared const& shared_;
    Number root_;
    Item chapter_, record_;
    Number previous_chapter_ = 0, previous_record_ = 0;
};

}  // namespace

Result<Number> write_outline(Shared const& shared, std::uint64_t entries, std::uint64_t chapters,
                             Target contents) {
    auto& objects = shared.objects;
    auto const root = objects.reserve();
    auto const list = objects.reserve();
    auto const first = objects.reserve_many(static_cast<Number>(entries));
    Outline outline(shared, root);
    PD_CHECK(outline.put({.number = list,
                          .parent = root,
                          .next = entries == 0 ? 0 : first,
                          .title = "Contents",
                          .target = contents}));
    outline.set_first(list);
    auto number = first;
    PD_CHECK(shared.entries.frames([&](ByteView frame) -> Result<void> {
        PD_TRY(auto const entry, decode_entry(frame));
        return outline.take(entry, number++);
    }));
    PD_TRY(auto last, outline.finish());
    if (last == 0) last = list;
    PD_CHECK(objects.put(root, fmt::format("<</Type/Outlines/First {} 0 R/Last {} 0 R/Count {}>>",
                                           list, last, chapters + 1)));
    return root;
}

}  // namespace perdure::format::pdf
