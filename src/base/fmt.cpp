// Compiles {fmt}'s implementation once: LibTorch ships its headers without a library, and in header-only mode every
// source would compile it, which takes about half of a source's compile time.
#include <locale>

#include <fmt/format-inl.h>

template std::locale fmt::locale_ref::get<std::locale>() const;

namespace fmt::detail {

template auto dragonbox::to_decimal(float) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept -> dragonbox::decimal_fp<double>;
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;

}  // namespace fmt::detail
