#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "repository/snapshot.h"

namespace perdure::job {

/// One text that is looked for, again and again. Threads: any.
class TextSearch {
public:
    TextSearch(std::string text, bool exact_case);
    /// Where the text begins; npos: nowhere.
    std::size_t find(std::string_view in) const;
    std::string const& text() const { return text_; }
    bool exact_case() const { return exact_case_; }
    /// What stands around a match, on one line, cut at whole characters.
    std::string excerpt(std::string_view in, std::size_t at) const;

private:
    std::string text_;
    bool exact_case_;
    std::size_t shift_[256];
};

/// Looks into the contents of files, piece by piece, and remembers what it saw: a piece that many
/// files or snapshots share is read once. Threads: one.
class ContentSearch {
public:
    ContentSearch(TextSearch const& search, repository::BlobReader& blobs,
                  repository::DomainPtr domain)
        : search_(search), blobs_(blobs), domain_(std::move(domain)) {}
    /// An excerpt, when the content holds the text, also across the borders of its pieces.
    /// Fails: what BlobReader::read fails with.
    Result<std::optional<std::string>> find(repository::BlobList const& list, std::stop_token stop);
    std::uint64_t pieces_read() const { return pieces_read_; }

private:
    struct Piece {
        std::optional<std::string> excerpt;
        std::string head, tail;  ///< as much of its ends as a match across a border may need
    };
    Result<Piece const*> look(repository::BlobId const& id, std::stop_token stop);

    TextSearch const& search_;
    repository::BlobReader& blobs_;
    repository::DomainPtr domain_;
    std::unordered_map<repository::BlobId, Piece, OpaqueHash> pieces_;
    std::uint64_t pieces_read_ = 0;
};

}  // namespace perdure::job
