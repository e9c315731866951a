"""Text to expression trees and back: parsing, checking, printing, imports. Knows no torch."""
