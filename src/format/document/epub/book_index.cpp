#include "format/document/epub/book_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "format/document/epub/book_text.h"

namespace perdure::format {

namespace {

/// Files of the index, filled one after the other.
class IndexFiles {
public:
    explicit IndexFiles(BookPackage& package) : package_(package) {}

    Result<void> add(std::string_view tag, std::string_view address, std::string_view title) {
        if (tag != tag_ || text_.size() > file_bytes_max) {
            close_tag();
            if (text_.size() > file_bytes_max) PD_CHECK(put());
            tag_ = tag;
            text_ += fmt::format("<li><span dir=\"auto\">{}</span>\n<ul>\n", escaped(tag));
            open_ = true;
        }
        text_ +=
            fmt::format("<li><a href=\"{}\" dir=\"auto\">{}</a></li>\n", address, escaped(title));
        return {};
    }
    Result<bool> finish() {
        close_tag();
        if (!text_.empty()) PD_CHECK(put());
        return files_ > 0;
    }

private:
    void close_tag() {
        if (open_) text_ += "</ul>\n</li>\n";
        open_ = false;
    }
    Result<void> put() {
        ++files_;
        auto const body = fmt::format(
            "<section class=\"index\" epub:type=\"index\" role=\"doc-index\" "
            "aria-labelledby=\"index-title\">\n<h1 id=\"index-title\">Index{}</h1>\n"
            "<ul>\n{}</ul>\n</section>\n",
            files_ == 1 ? "" : fmt::format(", part {}", files_), text_);
        text_.clear();
        return package_.add_text(fmt::format("index-{}.xhtml", files_),
                                 book_page("Index", "book.css", "backmatter", body));
    }

    BookPackage& package_;
    std::string tag_, text_;
    bool open_ = false;
    std::uint64_t files_ = 0;
};

}  // namespace

Result<void> BookIndex::add(RecordView const& view, std::string const& address) {
    Encoder value;
    value.text(address);
    value.text(shortened(view.title, 160));
    for (auto const& tag : view.tags) {
        PD_CHECK(sorted_.add(ascii_lower(tag) + '\0' + tag, as_text(value.view())));
    }
    return {};
}

Result<bool> BookIndex::write(BookPackage& package, std::stop_token stop) {
    IndexFiles files(package);
    PD_CHECK(sorted_.merge([&](std::string_view key, std::string_view value) -> Result<void> {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        Decoder in(as_bytes(value));
        PD_TRY(auto const address, in.text(value.size()));
        PD_TRY(auto const title, in.text(value.size()));
        return files.add(key.substr(key.find('\0') + 1), address, title);
    }));
    return files.finish();
}

}  // namespace perdure::format
