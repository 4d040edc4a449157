#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "system/file.h"

namespace perdure::format {

/// Elements and texts of an XML file from bytes nobody vouches for: UTF-8 only, no document type,
/// so that no entity can be declared; nothing is fetched. Memory: the longest text.
/// Threads: one.
class XmlStream {
public:
    enum class Step : std::uint8_t { start, end, text, done };

    /// Fails: not_found, invalid (another encoding).
    static Result<XmlStream> open(system::Path const& file);
    XmlStream(XmlStream&&) noexcept;
    XmlStream& operator=(XmlStream&&) noexcept;
    ~XmlStream();

    /// An empty element `<a/>` is a start and an end. Fails: corrupt, invalid (a document type),
    /// exhausted (a record of more than 600 MiB).
    Result<Step> next();
    /// Of a start or end, without its prefix.
    std::string_view name() const { return name_; }
    /// Of a text.
    std::string_view text() const { return text_; }
    /// Of the last start; nothing: there is none.
    std::optional<std::string> attribute(char const* name) const;
    /// All texts up to the end of the element that started last. Fails: corrupt, also where another
    /// element stands inside.
    Result<std::string> content();
    /// Passes over what is left of the element that started last.
    Result<void> skip();
    /// What was read up to now counts no more towards the limit.
    void forget_size();

private:
    struct State;
    explicit XmlStream(std::unique_ptr<State> state);
    Error broken() const;

    std::unique_ptr<State> state_;
    std::string name_, text_;
    bool end_waits_ = false;  ///< of an empty element
};

}  // namespace perdure::format
