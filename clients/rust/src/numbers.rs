// SPDX-License-Identifier: Apache-2.0

//! The types of constants: a number each, so that a protection is not given where flags belong.

/// Makes the type of numbers of which one is chosen.
macro_rules! choice {
    ($(#[$note:meta])* $name:ident) => {
        $(#[$note])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The number itself.
            pub const fn bits(self) -> u32 {
                self.0
            }
        }

        impl From<$name> for u32 {
            fn from(one: $name) -> u32 {
                one.0
            }
        }

        impl From<$name> for u64 {
            fn from(one: $name) -> u64 {
                one.0.into()
            }
        }
    };
}

/// Makes the type of numbers that are put together with `|`.
macro_rules! flags {
    ($(#[$note:meta])* $name:ident) => {
        $crate::numbers::choice! {
            $(#[$note])*
            $name
        }

        impl $name {
            /// Whether all bits of another one are set.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }

        impl std::ops::BitAnd for $name {
            type Output = $name;

            fn bitand(self, other: $name) -> $name {
                $name(self.0 & other.0)
            }
        }
    };
}

pub(crate) use {choice, flags};
